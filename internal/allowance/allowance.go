// Package allowance bounds how often somebody may do what costs others: so many
// times at once, and then at a rate.
package allowance

import "time"

// Allowance is what is left to one of them. The zero Allowance is whole. It is not
// safe for concurrent use.
type Allowance struct {
	left float64
	at   time.Time // when so much was left
}

// Take reports whether it may be done once more at now: burst times at once, and
// rate times per second after that. Both are to be the same in each call.
func (a *Allowance) Take(now time.Time, rate, burst float64) bool {
	a.left = min(burst, a.left+rate*now.Sub(a.at).Seconds())
	a.at = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}
