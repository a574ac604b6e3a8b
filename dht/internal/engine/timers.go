package engine

import (
	"time"

	"rollcall/internal/timers"
)

// timer calls fire once its time has come; see Engine.set.
type timer struct {
	timers.Timer
	fire func(now time.Time)
}

func newTimers() *timers.Queue[*timer] {
	// Of two that are due together it does not matter which comes first, as long as
	// the same events give the same order.
	return timers.New(func(_, _ *timer) int { return 0 })
}

// set turns x on for the given time, or off when it is zero.
func (e *Engine) set(x *timer, at time.Time) {
	if !x.Deadline().Equal(at) {
		e.timers.Set(x, at)
	}
}

// fireTimers fires every timer that is due; one that turns itself on again for
// the past waits for the next call.
func (e *Engine) fireTimers(now time.Time) {
	for range e.timers.Len() {
		x, ok := e.timers.Due(now)
		if !ok {
			return
		}
		e.set(x, time.Time{})
		x.fire(now)
	}
}
