package search

import (
	"math"
	"testing"
)

// The rates that limits.go speaks of, by chance alone. The distances of the closest nodes
// to two places are those of two streams of random events; which of them the next event
// is of is a toss of a coin, weighted by how far one looks in each.
func TestHowOftenHonestNodesRaiseDoubt(t *testing.T) {
	// beyond is how often the last of 8 targets is farther than where so many nodes are
	// to be expected by 8 neighbours, of which the estimate counts 7.
	beyond := func(expected float64) float64 {
		ratio := expected / (Targets - 1)
		p := ratio / (1 + ratio)
		sum := 0.0
		for k := range Targets {
			sum += choose(2*Targets-1, k) * math.Pow(p, float64(k)) * math.Pow(1-p, float64(2*Targets-1-k))
		}
		return sum
	}
	if rate := beyond(sparseFrom); math.Abs(rate-0.10) > 0.005 {
		t.Errorf("targets seem sparse in %.3f of all searches", rate)
	}
	if rate := 1 - beyond(denseFrom); math.Abs(rate-0.01) > 0.001 {
		t.Errorf("targets seem dense in %.3f of all searches", rate)
	}
}

func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}
