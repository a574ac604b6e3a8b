package crowd

import (
	"math/big"
	"testing"
)

func TestKeyRingRepeatsNoPair(t *testing.T) {
	const keys = 300
	ring := &keyRing{}
	for range 25 { // 25*24/2 pairs
		ring.primes = append(ring.primes, new(big.Int))
	}
	type pair struct{ p, q *big.Int }
	seen := make(map[pair]bool)
	for range keys {
		p, q := ring.next()
		if p == q || seen[pair{p, q}] {
			t.Fatal("a pair comes twice, or is none")
		}
		seen[pair{p, q}] = true
	}
}
