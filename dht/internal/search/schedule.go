package search

import (
	"slices"
	"time"

	"rollcall/internal/timers"
)

// schedule knows which announces a step has to look at, so that thousands of them on
// one key cost little: those to which something has happened, those whose time has
// come, and all of them when the state of the target nodes is another one.
type schedule struct {
	targets  []*peer // of the step that is running or was the last
	synced   bool
	explored bool

	marked  []*Announce
	waiting *timers.Queue[*Announce]

	permanent  int // announces that are permanent
	unreported int // announces that are not done
}

func newSchedule() schedule {
	// The order of announces that are due together does not matter.
	return schedule{waiting: timers.New(func(_, _ *Announce) int { return 0 })}
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
	c.waiting.Set(a, time.Time{})
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
	for synced {
		a, ok := c.waiting.Due(now)
		if !ok {
			return
		}
		c.waiting.Set(a, time.Time{})
		c.mark(a)
	}
}
