package dht

import (
	"context"
	"sync"
	"time"

	"rollcall/dht/internal/engine"
)

// maxBacklog bounds the results that wait for the reader of one operation.
const maxBacklog = 1 << 16

// results holds what the engine reports of one operation until it is taken.
type results struct {
	mu    sync.Mutex
	queue []engine.Effect
	ended bool
	err   error
	ready func() // there is something to take; called with mu held
}

// add appends a result. A reader that is too far behind loses the operation
// rather than single results: it would not know what it missed.
func (r *results) add(x engine.Effect) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && len(r.queue) < maxBacklog {
		r.queue = append(r.queue, x)
	} else if !r.ended {
		r.ended, r.err = true, ErrTooSlow
	}
	r.ready()
}

// end marks the operation as over, after the results that wait.
func (r *results) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.ended, r.err = true, err
	}
	r.ready()
}

// takeLocked returns the results that wait; when there are none, whether the
// operation has ended, and how.
func (r *results) takeLocked() (batch []engine.Effect, ended bool, err error) {
	batch, r.queue = r.queue, nil
	if len(batch) > 0 {
		return batch, false, nil
	}
	return nil, r.ended, r.err
}

// waiter is the results of an operation whose caller waits for them.
type waiter struct {
	results
	signal chan struct{} // has room for one: something new is there
}

func newWaiter() *waiter {
	w := &waiter{signal: make(chan struct{}, 1)}
	w.ready = func() {
		select {
		case w.signal <- struct{}{}:
		default:
		}
	}
	return w
}

// each calls f with every result until f wants no more or the operation ends.
func (w *waiter) each(ctx context.Context, f func(engine.Effect) (more bool, err error)) error {
	for {
		batch, err, ok := w.next(ctx)
		if !ok {
			return err
		}
		for _, x := range batch {
			if more, err := f(x); !more || err != nil {
				return err
			}
		}
	}
}

// next waits for results. ok is false at the end of the operation, with its error.
func (w *waiter) next(ctx context.Context) (batch []engine.Effect, err error, ok bool) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err, false
		}
		w.mu.Lock()
		batch, ended, err := w.takeLocked()
		w.mu.Unlock()
		if ended || len(batch) > 0 {
			return batch, err, !ended
		}
		select {
		case <-w.signal:
		case <-ctx.Done():
		}
	}
}

// begin starts an operation and returns where its results are to be waited for.
func (n *Node) begin(start func(now time.Time) engine.OpID) (id engine.OpID, w *waiter, err error) {
	w = newWaiter()
	if !n.do(func(now time.Time) {
		id = start(now)
		n.ops[id] = &w.results
	}) {
		return 0, nil, ErrClosed
	}
	return id, w, nil
}

// stop ends an operation that nobody waits for any more.
func (n *Node) stop(id engine.OpID) {
	n.do(func(now time.Time) {
		n.engine.Stop(now, id)
		delete(n.ops, id)
	})
}

// deliver hands results to the operations they belong to, and reports whether
// the status has changed. It is called with the lock held.
func (n *Node) deliver(out *engine.Output) (changed bool) {
	for i := range out.Effects {
		x := &out.Effects[i]
		switch x.Kind {
		case engine.Found, engine.Lost, engine.Selected, engine.Done:
			if r := n.ops[x.Op]; r != nil {
				r.add(*x)
			}
		case engine.Changed:
			changed = n.statusChanged() || changed
		case engine.Seek:
			n.contactBootstrap()
		}
	}
	return changed
}
