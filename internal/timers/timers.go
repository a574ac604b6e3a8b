// Package timers keeps what has a deadline in order, for state machines that are
// ticked when the earliest one comes.
package timers

import (
	"container/heap"
	"time"
)

// Timer is when something is due. What goes into a Queue embeds one; the zero Timer
// is off.
type Timer struct {
	at    time.Time
	place int // in the queue, from 1; 0 when off
}

// Deadline returns when it is due; zero means never.
func (t *Timer) Deadline() time.Time { return t.at }

func (t *Timer) timer() *Timer { return t }

// Timed is what embeds a Timer, by its pointer.
type Timed interface{ timer() *Timer }

// Queue holds things whose timers are on, the earliest first. It is not safe for
// concurrent use. Make one with New.
type Queue[T Timed] struct{ heap items[T] }

// New returns an empty queue. compare decides, as cmp.Compare does, what comes first
// of two things with one deadline, so that chance does not.
func New[T Timed](compare func(a, b T) int) *Queue[T] {
	return &Queue[T]{items[T]{compare: compare}}
}

// Set changes the deadline of x; zero takes it out.
func (q *Queue[T]) Set(x T, deadline time.Time) {
	t := x.timer()
	t.at = deadline
	switch {
	case deadline.IsZero() && t.place > 0:
		heap.Remove(&q.heap, t.place-1)
	case deadline.IsZero():
	case t.place == 0:
		heap.Push(&q.heap, x)
	default:
		heap.Fix(&q.heap, t.place-1)
	}
}

// Len returns the number of things in the queue.
func (q *Queue[T]) Len() int { return len(q.heap.list) }

// Next returns the earliest deadline; zero when there is none.
func (q *Queue[T]) Next() time.Time {
	if q.Len() == 0 {
		return time.Time{}
	}
	return q.heap.list[0].timer().at
}

// Due returns the first thing that is due at now, and whether there is one. It stays
// in the queue until Set says otherwise.
func (q *Queue[T]) Due(now time.Time) (x T, ok bool) {
	if q.Len() == 0 || q.Next().After(now) {
		return x, false
	}
	return q.heap.list[0], true
}

// items implements heap.Interface.
type items[T Timed] struct {
	compare func(a, b T) int
	list    []T
}

func (h *items[T]) Len() int { return len(h.list) }

func (h *items[T]) Less(i, j int) bool {
	a, b := h.list[i], h.list[j]
	if d := a.timer().at.Compare(b.timer().at); d != 0 {
		return d < 0
	}
	return h.compare(a, b) < 0
}

func (h *items[T]) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].timer().place, h.list[j].timer().place = i+1, j+1
}

func (h *items[T]) Push(x any) {
	h.list = append(h.list, x.(T))
	x.(T).timer().place = len(h.list)
}

func (h *items[T]) Pop() any {
	last := len(h.list) - 1
	x := h.list[last]
	x.timer().place = 0
	clear(h.list[last:])
	h.list = h.list[:last]
	return x
}
