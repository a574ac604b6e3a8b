package daemon

import (
	"context"
	"sync"
	"time"
)

// maxUnread bounds the events that wait for one subscriber.
const maxUnread = 1 << 14

// hub puts events in one order and hands them to all subscribers.
type hub struct {
	mu          sync.Mutex
	seq         uint64
	subscribers map[*Subscription]bool
	closed      bool
}

func (h *hub) publish(account AccountID, change Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	event := Event{Seq: h.seq, At: time.Now(), Account: account, Change: change}
	for s := range h.subscribers {
		s.add(event)
	}
}

func (h *hub) last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}

func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	subscribers := h.subscribers
	h.subscribers = nil
	h.mu.Unlock()
	for s := range subscribers {
		s.end(ErrClosed)
	}
}

// Subscribe begins to follow the events after this moment. What is read from the
// daemon later is at least as new as the last event before.
func (d *Daemon) Subscribe() *Subscription {
	s := &Subscription{hub: &d.hub, ready: make(chan struct{}, 1)}
	d.hub.mu.Lock()
	defer d.hub.mu.Unlock()
	if d.hub.closed {
		s.err = ErrClosed
		return s
	}
	if d.hub.subscribers == nil {
		d.hub.subscribers = make(map[*Subscription]bool)
	}
	d.hub.subscribers[s] = true
	return s
}

// Subscription is one reader's place in the stream of events. It holds a bounded
// number of them.
type Subscription struct {
	hub   *hub
	ready chan struct{} // has room for one: something new is there

	mu     sync.Mutex
	unread []Event
	err    error // set when nothing follows what is unread
}

func (s *Subscription) add(e Event) {
	s.mu.Lock()
	if len(s.unread) < maxUnread {
		s.unread = append(s.unread, e)
	} else if s.err == nil {
		s.err = ErrTooSlow
	}
	s.mu.Unlock()
	s.signal()
}

func (s *Subscription) end(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.signal()
}

func (s *Subscription) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Next returns the next event. The error is that of ctx, [ErrTooSlow] or
// [ErrClosed]; after one of the last two there is nothing more.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if e, err, ok := s.take(); ok {
			return e, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// take returns the next event or the end; ok is false when there is neither.
func (s *Subscription) take() (e Event, err error, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unread) > 0 && s.err != ErrTooSlow {
		e, s.unread = s.unread[0], s.unread[1:]
		return e, nil, true
	}
	if s.err != nil {
		s.unread = nil
		s.signal() // for others that wait
		return Event{}, s.err, true
	}
	return Event{}, nil, false
}

// Close ends the subscription. It may be called more than once, and while Next
// waits, which then returns ErrClosed.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	delete(s.hub.subscribers, s)
	s.hub.mu.Unlock()
	s.end(ErrClosed)
}
