// Package stats holds what the measurements are made of: latency histograms, and
// medians over rounds.
package stats

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	// subBits sets the resolution of a Histogram: 1/64, that is 1.6 %.
	subBits  = 6
	subCount = 1 << subBits
	buckets  = (64 - subBits) * subCount
)

// Histogram counts durations in buckets whose width grows with the duration.
// The zero value is empty. It is not safe for concurrent use.
type Histogram struct {
	counts [buckets]uint32
	total  int
}

// Add counts d; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.total++
}

// Count returns how many durations were added.
func (h *Histogram) Count() int { return h.total }

// Quantile returns the duration below or at which the fraction q of all lies, to
// the resolution of the buckets; 0 when there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int(math.Ceil(q * float64(h.total)))
	for i, seen := 0, 0; i < buckets && h.total > 0; i++ {
		seen += int(h.counts[i])
		if seen >= max(rank, 1) {
			return time.Duration(middle(i))
		}
	}
	return 0
}

func bucket(v uint64) int {
	exp := bits.Len64(v) - subBits - 1
	if exp <= 0 {
		return int(v)
	}
	return exp*subCount + int(v>>exp)
}

// middle returns the middle of bucket i.
func middle(i int) uint64 {
	if i < 2*subCount {
		return uint64(i)
	}
	exp := i/subCount - 1
	low := uint64(i-exp*subCount) << exp
	return low + 1<<exp/2
}

// Summary is the middle and the ends of the same figure over several rounds.
type Summary struct{ Median, Min, Max float64 }

// Summarize returns the Summary of values, zero when there are none. It does not
// change values.
func Summarize(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	s := slices.Clone(values)
	slices.Sort(s)
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return Summary{Median: median, Min: s[0], Max: s[len(s)-1]}
}
