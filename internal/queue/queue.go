// Package queue hands things over in order, without keeping those waiting who have
// them to hand over.
package queue

import "sync"

// Queue hands what is put into it to one function, in order and by one goroutine at
// a time. There is no goroutine while there is nothing to do. Put may be called from
// any goroutine, also with locks held that the function takes. Make one with New.
type Queue[T any] struct {
	take func(T)
	work sync.WaitGroup // the goroutine that calls take

	mu      sync.Mutex // protects all following fields
	waiting []T
	working bool
}

// New returns an empty queue before a function.
func New[T any](take func(T)) *Queue[T] { return &Queue[T]{take: take} }

// Put hands v over. It never waits.
func (q *Queue[T]) Put(v T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, v)
	if !q.working {
		q.working = true
		q.work.Go(q.run)
	}
}

// Wait returns when everything has been taken. From then on, and while it waits,
// nobody may put anything but the function itself.
func (q *Queue[T]) Wait() { q.work.Wait() }

func (q *Queue[T]) run() {
	for {
		q.mu.Lock()
		batch := q.waiting
		q.waiting = nil
		q.working = len(batch) > 0
		q.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, v := range batch {
			q.take(v)
		}
	}
}
