package ktimer

import (
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a timer may be late before a test fails.
const patience = time.Minute

// ring returns a timer that is an hour away, and what tells when it rings.
func ring(t *testing.T) (Timer, <-chan time.Time) {
	t.Helper()
	rang := make(chan time.Time, 16)
	timer := AfterFunc(time.Hour, func() { rang <- time.Now() })
	t.Cleanup(func() { timer.Stop() })
	return timer, rang
}

func wait(t *testing.T, rang <-chan time.Time) time.Time {
	t.Helper()
	select {
	case at := <-rang:
		return at
	case <-time.After(patience):
		t.Fatal("the timer does not ring")
		return time.Time{}
	}
}

// TestTimer rings when the last Reset says.
func TestTimer(t *testing.T) {
	tests := []struct {
		name   string
		resets []time.Duration
	}{
		{"earlier", []time.Duration{20 * time.Millisecond}},
		{"later", []time.Duration{40 * time.Millisecond, 80 * time.Millisecond}},
		{"much later and earlier", []time.Duration{time.Minute, time.Hour, 20 * time.Millisecond}},
		{"at once", []time.Duration{0}},
		{"in the past", []time.Duration{-time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timer, rang := ring(t)
			first := time.Now()
			var last time.Time
			for _, d := range tt.resets {
				last = time.Now()
				timer.Reset(d)
			}
			busy := time.Since(first) > tt.resets[0] // the machine, for as long as the first took
			at := wait(t, rang)
			if d := tt.resets[len(tt.resets)-1]; at.Sub(last) < d && !busy {
				t.Errorf("rang %v after it was set to %v", at.Sub(last), d)
			}
		})
	}
}

// TestAgain sets the timer from within its call.
func TestAgain(t *testing.T) {
	var timer Timer
	set, done := make(chan struct{}), make(chan time.Time)
	calls := 0
	timer = AfterFunc(0, func() {
		<-set
		if calls++; calls == 3 {
			close(done)
			return
		}
		timer.Reset(time.Millisecond)
	})
	defer timer.Stop()
	close(set)
	wait(t, done)
}

// TestStop leaves no call for later.
func TestStop(t *testing.T) {
	const soon = 50 * time.Millisecond
	var calls atomic.Int64
	start := time.Now()
	stopped := AfterFunc(soon, func() { calls.Add(1) })
	stopped.Stop()
	busy := time.Since(start) > soon // the machine
	timer, rang := ring(t)
	timer.Reset(2 * soon)
	wait(t, rang)
	if n := calls.Load(); n > 0 && !busy {
		t.Errorf("%d calls after Stop", n)
	}
}

func TestResetAllocatesNothing(t *testing.T) {
	timer, _ := ring(t)
	if n := testing.AllocsPerRun(100, func() { timer.Reset(time.Hour) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
