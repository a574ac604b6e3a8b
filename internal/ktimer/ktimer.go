// Package ktimer has timers that the kernel keeps, where it does. Those of the runtime
// wake an idle process more often than they ring: its monitor gets up for each of them,
// and one that was put off still wakes the process at its old time.
package ktimer

import "time"

// Timer calls a function when its time has come. One caller at a time may use it.
type Timer interface {
	// Reset makes the call happen once d has passed instead, or once more. It reports
	// whether the timer was on, as far as that is known.
	Reset(d time.Duration) bool
	// Stop ends the timer for good. A call that has begun goes on. Whoever has made a
	// timer stops it: until then it keeps a goroutine and a file descriptor.
	Stop() bool
}

// AfterFunc calls f, in a goroutine other than the caller's, once d has passed.
func AfterFunc(d time.Duration, f func()) Timer {
	if t, err := open(f); err == nil {
		t.Reset(d)
		return t
	}
	return time.AfterFunc(d, f)
}
