package daemon

import (
	"net/netip"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	home, away := []netip.Addr{netip.MustParseAddr("192.0.2.1")}, []netip.Addr{netip.MustParseAddr("2001:db8::1")}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	w := watch{home, now}
	for i, step := range []struct {
		wall, passed time.Duration
		addrs        []netip.Addr
		want         bool
	}{
		{time.Minute, time.Minute, home, false},
		{time.Second, time.Second, away, true},
		{time.Second, time.Second, away, false},
		{time.Second, time.Second, nil, true},
		{time.Hour, time.Hour, nil, false},
		{time.Hour, time.Second, nil, true},   // asleep
		{-time.Hour, time.Second, nil, false}, // the clock was set back
		{5 * time.Second, time.Second, nil, false},
	} {
		now = now.Add(step.wall)
		if got := w.changed(now, step.passed, step.addrs); got != step.want {
			t.Errorf("step %d: changed = %t", i, got)
		}
	}
}
