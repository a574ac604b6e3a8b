package engine

import (
	"container/heap"
	"time"
)

// timer calls fire once its time has come. The zero time means that it is off.
type timer struct {
	at    time.Time
	index int // in the heap, from 1; 0 when off
	fire  func(now time.Time)
}

// timers is a heap of the timers that are on, the next one first.
type timers []*timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i+1, j+1
}

func (t *timers) Push(x any) {
	x.(*timer).index = len(*t) + 1
	*t = append(*t, x.(*timer))
}

func (t *timers) Pop() any {
	old := *t
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	x.index = 0
	return x
}

// set turns x on for the given time, or off when it is zero.
func (t *timers) set(x *timer, at time.Time) {
	switch {
	case at.IsZero():
		if x.index > 0 {
			heap.Remove(t, x.index-1)
		}
		x.at = at
	case x.index > 0:
		if !x.at.Equal(at) {
			x.at = at
			heap.Fix(t, x.index-1)
		}
	default:
		x.at = at
		heap.Push(t, x)
	}
}

// next is when the first timer fires; zero when all are off.
func (t timers) next() time.Time {
	if len(t) == 0 {
		return time.Time{}
	}
	return t[0].at
}

// run fires every timer that was due at now when it was called; one that turns
// itself on again for the past waits for the next call.
func (t *timers) run(now time.Time) {
	for n := len(*t); n > 0 && len(*t) > 0 && !(*t)[0].at.After(now); n-- {
		x := heap.Pop(t).(*timer)
		x.fire(now)
	}
}
