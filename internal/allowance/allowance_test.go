package allowance_test

import (
	"testing"
	"time"

	"rollcall/internal/allowance"
)

func TestTake(t *testing.T) {
	const rate, burst = 2, 5
	var a allowance.Allowance
	now := time.Unix(1_800_000_000, 0)
	count := func() (n int) {
		for n < 100 && a.Take(now, rate, burst) {
			n++
		}
		return n
	}
	if n := count(); n != burst {
		t.Errorf("%d at once, want %d", n, burst)
	}
	now = now.Add(time.Second)
	if n := count(); n != rate {
		t.Errorf("%d a second later, want %d", n, rate)
	}
	now = now.Add(time.Hour)
	if n := count(); n != burst {
		t.Errorf("%d after a rest, want %d", n, burst)
	}
}
