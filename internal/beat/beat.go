// Package beat lets what may be late happen together: many connections that rest
// then wake the process, and the machine, as rarely as one.
package beat

import "time"

// Period is the time from one beat to the next, for what may be as late. Beats are
// those of the wall clock: the same for all who know nothing of each other, the
// other end of a connection among them.
const Period = 4 * time.Second

// Wait returns how long to wait for the first beat of a period, or of a part of
// Period, at or after t.
func Wait(t time.Time, period time.Duration) time.Duration {
	wait := time.Until(t)
	if past := time.Duration(t.UnixNano() % int64(period)); past > 0 {
		wait += period - past
	}
	return wait
}
