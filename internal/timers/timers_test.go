package timers

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type thing struct {
	name int
	Timer
}

func byName(a, b *thing) int { return cmp.Compare(a.name, b.name) }

// TestQueue compares a queue with a list that is sorted each time.
func TestQueue(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		q := New(byName)
		things := make([]*thing, 8)
		for i := range things {
			things[i] = &thing{name: i}
		}
		want := make(map[*thing]time.Time)
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			x := rapid.SampledFrom(things).Draw(t, "thing")
			var at time.Time
			if s := rapid.IntRange(0, 5).Draw(t, "second"); s > 0 {
				at = begin.Add(time.Duration(s) * time.Second)
				want[x] = at
			} else {
				delete(want, x)
			}
			q.Set(x, at)
			if !x.Deadline().Equal(at) || q.Len() != len(want) {
				t.Fatalf("deadline %v, want %v; %d things, want %d", x.Deadline(), at, q.Len(), len(want))
			}
		}
		for _, x := range slices.SortedFunc(maps.Keys(want), func(a, b *thing) int {
			return cmp.Or(want[a].Compare(want[b]), byName(a, b))
		}) {
			at := want[x]
			if !q.Next().Equal(at) {
				t.Fatalf("next at %v, want %v", q.Next(), at)
			}
			if early, ok := q.Due(at.Add(-1)); ok {
				t.Fatalf("thing %d is due early", early.name)
			}
			if got, ok := q.Due(at); !ok || got != x {
				t.Fatalf("thing %v is due, want %d", got, x.name)
			}
			q.Set(x, time.Time{})
		}
		if x, ok := q.Due(begin.Add(time.Hour)); ok || !q.Next().IsZero() || q.Len() != 0 {
			t.Fatalf("left over: %v", x)
		}
	})
}
