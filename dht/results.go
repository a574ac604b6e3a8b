package dht

import (
	"context"
	"sync"
	"time"

	"rollcall/dht/internal/engine"
)

// maxBacklog bounds the results that wait for the reader of one operation.
const maxBacklog = 1 << 16

// results carries what the engine reports of one operation to the goroutine
// that called it.
type results struct {
	mu     sync.Mutex
	queue  []engine.Effect
	ended  bool
	err    error
	signal chan struct{} // has room for one: something new is there
}

func newResults() *results { return &results{signal: make(chan struct{}, 1)} }

func (r *results) wake() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// add appends a result. A reader that is too far behind loses the operation
// rather than single results: it would not know what it missed.
func (r *results) add(x engine.Effect) {
	r.mu.Lock()
	if !r.ended && len(r.queue) < maxBacklog {
		r.queue = append(r.queue, x)
	} else if !r.ended {
		r.ended, r.err = true, ErrTooSlow
	}
	r.mu.Unlock()
	r.wake()
}

// end marks the operation as over, after the results that wait.
func (r *results) end(err error) {
	r.mu.Lock()
	if !r.ended {
		r.ended, r.err = true, err
	}
	r.mu.Unlock()
	r.wake()
}

// next waits for results. ok is false at the end of the operation, with its error.
func (r *results) next(ctx context.Context) (batch []engine.Effect, err error, ok bool) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err, false
		}
		r.mu.Lock()
		batch, r.queue = r.queue, nil
		ended, err := r.ended, r.err
		r.mu.Unlock()
		if len(batch) > 0 {
			return batch, nil, true
		}
		if ended {
			return nil, err, false
		}
		select {
		case <-r.signal:
		case <-ctx.Done():
		}
	}
}

// begin starts an operation and returns where its results come.
func (n *Node) begin(start func(now time.Time) engine.OpID) (engine.OpID, *results, error) {
	r := newResults()
	var id engine.OpID
	if !n.do(func(now time.Time) {
		id = start(now)
		n.ops[id] = r
	}) {
		return 0, nil, ErrClosed
	}
	return id, r, nil
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
