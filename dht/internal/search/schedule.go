package search

import (
	"container/heap"
	"slices"
	"time"
)

// schedule knows which announces a step has to look at, so that thousands of them on
// one key cost little: those to which something has happened, those whose time has
// come, and all of them when the state of the target nodes is another one.
type schedule struct {
	targets  []*peer // of the step that is running or was the last
	synced   bool
	explored bool

	marked  []*Announce
	waiting waiting

	permanent  int // announces that are permanent
	unreported int // announces that are not done
}

// add takes in a new announce.
func (c *schedule) add(a *Announce) {
	if a.permanent {
		c.permanent++
	}
	c.unreported++
	c.mark(a)
}

// drop gives up an announce.
func (c *schedule) drop(a *Announce) {
	if a.permanent {
		c.permanent--
	}
	if !a.reported {
		c.unreported--
	}
	a.ended = true
	c.wait(a, time.Time{})
}

// mark makes the next step look at a.
func (c *schedule) mark(a *Announce) {
	if !a.marked {
		a.marked = true
		c.marked = append(c.marked, a)
	}
}

// next returns an announce to look at, nil if there is none.
func (c *schedule) next() *Announce {
	for len(c.marked) > 0 {
		last := len(c.marked) - 1
		a := c.marked[last]
		c.marked[last] = nil
		c.marked = c.marked[:last]
		a.marked = false
		if !a.ended {
			return a
		}
	}
	return nil
}

// wait makes steps look at a from a time on; zero means not because of the time.
func (c *schedule) wait(a *Announce, until time.Time) {
	a.wake = until
	switch {
	case until.IsZero() && a.place > 0:
		heap.Remove(&c.waiting, a.place-1)
	case until.IsZero():
	case a.place > 0:
		heap.Fix(&c.waiting, a.place-1)
	default:
		heap.Push(&c.waiting, a)
	}
}

// survey notes the state of the target nodes, and marks what a step has to look at.
func (s *Search) survey(now time.Time) {
	c := &s.schedule
	n := 0
	changed, synced := false, true
	for p := range s.targets(now) {
		if n == len(c.targets) {
			c.targets = append(c.targets, nil)
		}
		changed = changed || c.targets[n] != p
		c.targets[n] = p
		synced = synced && p.current(now)
		n++
	}
	changed = changed || n != len(c.targets)
	clear(c.targets[n:])
	c.targets = c.targets[:n]
	synced = synced && n > 0
	explored := s.explored(now)
	if changed || synced != c.synced || explored != c.explored {
		for _, a := range slices.Backward(s.announces) {
			c.mark(a)
		}
	}
	c.synced, c.explored = synced, explored
	for synced && len(c.waiting) > 0 && !c.waiting[0].wake.After(now) {
		a := c.waiting[0]
		c.wait(a, time.Time{})
		c.mark(a)
	}
}

// waiting is a heap of announces by the time at which they are looked at.
type waiting []*Announce

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].wake.Before(w[j].wake) }

func (w waiting) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].place, w[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (w *waiting) Push(x any) {
	a := x.(*Announce)
	*w = append(*w, a)
	a.place = len(*w)
}

// Pop implements heap.Interface.
func (w *waiting) Pop() any {
	last := len(*w) - 1
	a := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	a.place = 0
	return a
}
