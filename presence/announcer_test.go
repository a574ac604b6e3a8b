package presence

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAnnouncerConfigValidate(t *testing.T) {
	tests := []struct {
		cfg AnnouncerConfig
		ok  bool
	}{
		{AnnouncerConfig{}, true},
		{AnnouncerConfig{Lease: DefaultLease}, true},
		{AnnouncerConfig{Lease: MinLease}, true},
		{AnnouncerConfig{Lease: Life}, true},
		{AnnouncerConfig{Lease: MinLease - 1}, false},
		{AnnouncerConfig{Lease: time.Second, AllowShort: true}, true},
		{AnnouncerConfig{Lease: Life + 1}, false},
		{AnnouncerConfig{Lease: -1, AllowShort: true}, false},
	}
	for _, tt := range tests {
		if err := tt.cfg.Validate(); (err == nil) != tt.ok {
			t.Errorf("%+v: error %v", tt.cfg, err)
		}
	}
}

// TestLeaseIsUnbroken: while puts succeed there is always a live announcement,
// under an id that was not used before, whatever the clock does; and none goes
// out when the device is invisible or stopped.
func TestLeaseIsUnbroken(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lease := time.Duration(rapid.IntRange(5, 600).Draw(rt, "lease")) * time.Second
		a, err := NewAnnouncer(AnnouncerConfig{Lease: lease, AllowShort: true}, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			rt.Fatal(err)
		}
		now := begin
		ids := make(map[uint64]bool)
		var ends time.Time
		visible := false
		for range rapid.IntRange(1, 50).Draw(rt, "steps") {
			switch rapid.IntRange(0, 7).Draw(rt, "input") {
			case 0:
				a.Start(now)
			case 1:
				a.Stop(now)
			case 2:
				a.SetInvisible(now, rapid.Bool().Draw(rt, "invisible"))
			case 3:
				a.NetworkChanged(now)
			case 4:
				now = jump(now, time.Duration(rapid.IntRange(-5000, 5000).Draw(rt, "jump"))*time.Second)
				a.Tick(now)
			default:
				passed := time.Duration(rapid.IntRange(0, 100).Draw(rt, "seconds")) * time.Second
				if due := a.NextDeadline(); !due.IsZero() {
					passed = min(passed, max(0, due.Sub(now)))
				}
				now = now.Add(passed)
				a.Tick(now)
			}
			visible = a.started && !a.invisible
			for _, e := range a.Effects(nil) {
				put, ok := e.(PutAnnouncement)
				if !ok {
					continue
				}
				life := Life + put.Created.Round(0).Sub(now.Round(0))
				if !visible || put.Permanent || put.ValueID == 0 || ids[put.ValueID] || life != lease {
					rt.Fatalf("visible=%t, %+v lives %s", visible, put, life)
				}
				ids[put.ValueID] = true
				ends = now.Add(life)
				a.PutDone(now, put.ValueID, true)
			}
			if visible && !ends.After(now) {
				rt.Fatalf("no announcement lives after %s", now.Sub(begin))
			}
		}
	})
}
