package simnet

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// Link describes the way of packets from one address to another. The zero value
// delivers at once and loses nothing.
//
// Without Jitter and Reorder the packets of a pair of addresses arrive in order.
type Link struct {
	Latency time.Duration // of every packet
	Spread  time.Duration // at most this much more for a pair of addresses, the same both ways and always
	Jitter  time.Duration // at most this much more for a single packet

	// Shares of the packets, from 0 to 1.
	Loss      float64
	Duplicate float64
	Reorder   float64 // held back for up to twice the time that others take, and a millisecond
}

// delay draws the time that a packet takes.
func (l *Link) delay(rng *rand.Rand, from, to netip.AddrPort) time.Duration {
	d := l.Latency
	if l.Spread > 0 {
		d += time.Duration((hashAddr(from) ^ hashAddr(to)) % uint64(l.Spread))
	}
	if l.Jitter > 0 {
		d += time.Duration(rng.Int64N(int64(l.Jitter)))
	}
	if chance(rng, l.Reorder) {
		d += time.Duration(rng.Int64N(2*int64(d) + int64(time.Millisecond)))
	}
	return d
}

// chance reports true for a share p of its calls.
func chance(rng *rand.Rand, p float64) bool { return p > 0 && rng.Float64() < p }
