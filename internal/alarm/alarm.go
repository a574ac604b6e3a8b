// Package alarm rings when a state machine must be ticked.
package alarm

import "time"

// Beat is the time from one beat to the next, for what may be as late: many that
// rest then wake the process, and the machine, as rarely as one. Beats are those of
// the wall clock: the same for all who know nothing of each other, the other end of
// a connection among them.
const Beat = 4 * time.Second

// farOff is how far a time must be in the future to be put off to a beat, and how
// much later than the last one for the alarm to be moved there. An alarm that is
// early costs less than moving it for each packet, but more than doing so once for
// each of these.
const farOff = 10 * time.Second

// Alarm calls a function by the time that it is set to, and perhaps earlier. The
// owner calls its methods, and Rang from the function, with one lock held. Make one
// with New.
type Alarm struct {
	timer *time.Timer
	at    time.Time // when it rings at the latest, zero when it does not
}

// New returns an alarm that is not set.
func New(ring func()) *Alarm {
	timer := time.AfterFunc(time.Hour, ring)
	timer.Stop()
	return &Alarm{timer: timer}
}

// Set makes the alarm ring by t; zero means that nobody needs it.
func (a *Alarm) Set(t time.Time) { a.set(t, 1) }

// SetToBeat is Set, but if t is far off the alarm rings at the first beat after it,
// of Beat or of a part of that.
func (a *Alarm) SetToBeat(t time.Time, beat time.Duration) { a.set(t, beat) }

func (a *Alarm) set(t time.Time, beat time.Duration) {
	if t.IsZero() || !a.at.IsZero() && !t.Before(a.at) && t.Sub(a.at) < farOff {
		return
	}
	a.at = t
	wait := max(0, time.Until(t))
	if past := time.Duration(t.UnixNano() % int64(beat)); past > 0 && wait >= farOff {
		wait += beat - past
	}
	a.timer.Reset(wait)
}

// Rang tells that the alarm has rung.
func (a *Alarm) Rang() { a.at = time.Time{} }

// Stop ends the alarm. What it has begun goes on.
func (a *Alarm) Stop() { a.timer.Stop() }
