package dbus

import (
	"sync"

	"github.com/godbus/dbus/v5"
)

// queues runs calls: those of one caller one after the other, those of
// different callers side by side.
type queues struct {
	run func(*dbus.Message)

	mu      sync.Mutex
	waiting map[string][]*dbus.Message // by caller, for those with a running goroutine
	closed  bool
	running sync.WaitGroup
}

func newQueues(run func(*dbus.Message)) *queues {
	return &queues{run: run, waiting: make(map[string][]*dbus.Message)}
}

// add takes a call in and reports whether there was room for it.
func (q *queues) add(caller string, call *dbus.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, busy := q.waiting[caller]
	if q.closed || len(waiting) >= maxWaiting {
		return false
	}
	q.waiting[caller] = append(waiting, call)
	if !busy {
		q.running.Go(func() { q.serve(caller) })
	}
	return true
}

// serve runs the calls of a caller until none is left.
func (q *queues) serve(caller string) {
	for {
		q.mu.Lock()
		calls := q.waiting[caller]
		if len(calls) == 0 {
			delete(q.waiting, caller)
			q.mu.Unlock()
			return
		}
		// The caller keeps its entry, so that calls that come now wait for this one.
		q.waiting[caller] = calls[1:]
		q.mu.Unlock()
		q.run(calls[0])
	}
}

// close takes no more calls and waits until those taken have run.
func (q *queues) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.running.Wait()
}
