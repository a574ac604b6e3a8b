package dht

import (
	"context"
	"errors"
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
		listener := n.ListenFunc(key, l, func(e Event, err error) {
			select {
			case turns <- turn{e, err}:
			case <-left:
			}
		})
		defer listener.Stop()
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
// no goroutine while nothing changes. It lasts until it is stopped.
//
// f is called with one change after the other, on a goroutine of its own, maybe
// before ListenFunc has returned. It may take its time and call the node: that
// holds up nobody else. What changes meanwhile waits in memory, 65536 changes
// at most. Beyond them f is called with ErrTooSlow: the ends of values have been
// missed, and all that is there is told anew. ErrClosed is the last that it is
// called with. Node.Close does not wait for f.
func (n *Node) ListenFunc(key infohash.Hash, l Lookup, f func(Event, error)) *Listener {
	x := &Listener{key: key, reader: n.reader(l), f: f}
	x.ready = x.wakeLocked
	x.begin()
	return x
}

// Listener is a listen that calls a function with its results, see
// [Node.ListenFunc].
type Listener struct {
	results
	reader
	key     infohash.Hash
	f       func(Event, error)
	running bool // a goroutine calls f; guarded by mu
	stopped bool // f is not to be called any more; guarded by mu

	id      engine.OpID // guarded by the node's lock, as is relaxed
	relaxed bool
}

func (x *Listener) begin() {
	if !x.node.do(func(now time.Time) {
		if !x.isStopped() {
			x.id = x.node.engine.Listen(now, x.key, x.query())
			x.node.engine.RelaxListen(now, x.id, x.relaxed)
			x.node.ops[x.id] = &x.results
		}
	}) {
		x.end(ErrClosed)
	}
}

// Relax makes the listen cost a third of its packets, for who has surer news of the
// same or none to expect soon, or as much as before. It is as quick as ever to tell
// what its nodes report; but it takes a minute, not 20 s, to find out that one of them
// has lost it, and by then a NAT on the way may have closed.
func (x *Listener) Relax(relaxed bool) {
	x.node.do(func(now time.Time) {
		x.relaxed = relaxed
		x.node.engine.RelaxListen(now, x.id, relaxed)
	})
}

func (x *Listener) wakeLocked() {
	if !x.running && !x.stopped {
		x.running = true
		go x.run()
	}
}

// run tells what there is to tell.
func (x *Listener) run() {
	for {
		batch, err := x.take()
		for _, e := range batch {
			if v := x.open(e.Value); v != nil && !x.isStopped() {
				x.f(Event{Value: v, Expired: e.Kind == engine.Lost}, nil)
			}
		}
		if err != nil {
			x.f(Event{}, err)
		}
		switch {
		case errors.Is(err, ErrTooSlow):
			x.endOperation()
			x.restart()
		case len(batch) == 0:
			return
		}
	}
}

// take returns what run has to tell; after nothing, or ErrClosed, run is over.
func (x *Listener) take() (batch []engine.Effect, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stopped {
		return nil, nil
	}
	batch, ended, err := x.takeLocked()
	x.running = len(batch) > 0 || ended
	x.stopped = errors.Is(err, ErrClosed)
	return batch, err
}

// restart listens anew where nothing is left of what was reported.
func (x *Listener) restart() {
	x.mu.Lock()
	x.ended, x.err = false, nil
	x.mu.Unlock()
	x.begin()
}

func (x *Listener) isStopped() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stopped
}

// Stop ends the listen. It does not wait for a call that is running.
func (x *Listener) Stop() {
	x.mu.Lock()
	x.stopped, x.queue = true, nil
	x.mu.Unlock()
	x.endOperation()
}

func (x *Listener) endOperation() {
	x.node.do(func(now time.Time) {
		x.node.engine.Stop(now, x.id)
		delete(x.node.ops, x.id)
	})
}
