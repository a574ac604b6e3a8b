package http

import (
	"context"
	"testing"

	"rollcall/daemon"
)

// script is a subscription that tells some events and then fails.
type script struct {
	events []daemon.Event
	err    error
	closed bool
}

func (s *script) Next(context.Context) (daemon.Event, error) {
	if len(s.events) == 0 {
		return daemon.Event{}, s.err
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, nil
}

func (s *script) Close() { s.closed = true }

// TestRecordGoesOnWhereItWasTooSlow shows that nobody takes a stream with a gap
// for a whole one.
func TestRecordGoesOnWhereItWasTooSlow(t *testing.T) {
	slow := &script{events: []daemon.Event{online("a", "bob"), online("a", "carol")}, err: daemon.ErrTooSlow}
	last := &script{events: []daemon.Event{online("a", "dave")}, err: daemon.ErrClosed}
	scripts := []*script{slow, last}
	h := newHistory()
	h.record(t.Context(), func() subscription {
		next := scripts[0]
		scripts = scripts[1:]
		return next
	})
	if !slow.closed || !last.closed {
		t.Error("a subscription was left open")
	}
	if _, _, ok, _ := h.since(2); ok {
		t.Error("a stream that had all before the gap goes on over it")
	}
	if batch, next, ok, _ := h.since(3); !ok || len(batch) != 1 || next != 4 {
		t.Errorf("after the gap: %d events up to %d, %v", len(batch), next, ok)
	}
}
