package presence

import "time"

// clock notices when the wall clock and the time that has passed part: the
// machine was suspended, or its clock was set. The zero clock is ready for use.
type clock struct{ last time.Time }

// jumped reports whether there was a jump since the last call.
func (c *clock) jumped(now time.Time) bool {
	last := c.last
	c.last = now
	if last.IsZero() {
		return false
	}
	passed := now.Sub(last)
	drift := now.Round(0).Sub(last.Round(0)) - passed
	return passed < 0 || drift.Abs() > jumpTolerance
}
