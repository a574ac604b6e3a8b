package dht

import (
	"context"
	"iter"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/engine"
	"rollcall/dht/value"
)

// Event is a change of what is stored under a key.
type Event struct {
	Value *value.Value
	// Expired tells that the last node that had Value has lost it; false, that
	// Value has appeared.
	Expired bool
}

// Listen follows the values under key until ctx ends or the loop is left. The
// values there at the beginning come first. It survives the loss of the network;
// the only errors are that of ctx, ErrClosed and ErrTooSlow, and they end it.
func (n *Node) Listen(ctx context.Context, key infohash.Hash, l Lookup) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		type turn struct {
			event Event
			err   error
		}
		turns := make(chan turn)
		left := make(chan struct{})
		defer close(left)
		stop := n.ListenFunc(key, l, func(e Event, err error) {
			select {
			case turns <- turn{e, err}:
			case <-left:
			}
		})
		defer stop()
		for ctx.Err() == nil {
			select {
			case t := <-turns:
				if !yield(t.event, t.err) || t.err != nil {
					return
				}
			case <-ctx.Done():
			}
		}
		yield(Event{}, ctx.Err())
	}
}

// ListenFunc is Listen for who follows many keys: it returns at once, and costs
// no goroutine while nothing changes. It lasts until stop is called, which does not
// wait for a call of f that is running.
//
// f is called with one change after the other, on a goroutine of its own, maybe
// before ListenFunc has returned. It may take its time and call the node: that
// holds up nobody else. What changes meanwhile waits in memory, 65536 changes
// at most; beyond them the listen ends. f is called with an error, ErrTooSlow or
// ErrClosed, once at the end unless that is by stop. Node.Close does not wait for f.
func (n *Node) ListenFunc(key infohash.Hash, l Lookup, f func(Event, error)) (stop func()) {
	x := &listener{reader: n.reader(l), f: f}
	x.ready = x.wakeLocked
	if !n.do(func(now time.Time) {
		x.id = n.engine.Listen(now, key, l.query())
		n.ops[x.id] = &x.results
	}) {
		x.end(ErrClosed)
	}
	return x.stop
}

// listener calls a function with the results of a listen.
type listener struct {
	results
	reader
	id      engine.OpID
	f       func(Event, error)
	running bool // a goroutine does so; guarded by mu
	stopped bool // f is not to be called any more; guarded by mu
}

func (x *listener) wakeLocked() {
	if !x.running && !x.stopped {
		x.running = true
		go x.run()
	}
}

// run tells what there is to tell.
func (x *listener) run() {
	for {
		batch, ended, err := x.take()
		for _, e := range batch {
			if v := x.open(e.Value); v != nil && !x.isStopped() {
				x.f(Event{Value: v, Expired: e.Kind == engine.Lost}, nil)
			}
		}
		switch {
		case len(batch) > 0:
			continue
		case ended:
			x.node.stop(x.id)
			x.f(Event{}, err)
		}
		return
	}
}

// take returns what run has to tell. After nothing, or the end, run is over.
func (x *listener) take() (batch []engine.Effect, ended bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stopped {
		return nil, false, nil
	}
	batch, ended, err = x.takeLocked()
	x.running, x.stopped = len(batch) > 0, ended
	return batch, ended, err
}

func (x *listener) isStopped() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stopped
}

func (x *listener) stop() {
	x.mu.Lock()
	x.stopped, x.queue = true, nil
	x.mu.Unlock()
	x.node.stop(x.id)
}
