package dht

import (
	"errors"
	"testing"
	"testing/synctest"

	"rollcall/dht/internal/engine"
	"rollcall/dht/value"
)

// TestTooSlow lets more changes come than may wait: those that may are told, and
// then the end, once.
func TestTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told int
		var ends []error
		goOn := make(chan struct{})
		x := &listener{reader: reader{node: &Node{closed: true}}, f: func(_ Event, err error) {
			if <-goOn; err != nil {
				ends = append(ends, err)
			} else {
				told++
			}
		}}
		x.ready = x.wakeLocked
		change := engine.Effect{Kind: engine.Found, Value: &value.Value{Data: []byte("x")}}
		x.add(change)
		synctest.Wait() // it is being told, and does not wait any more
		for range maxBacklog + 2 {
			x.add(change)
		}
		close(goOn)
		synctest.Wait()
		x.add(change)
		x.end(ErrClosed)
		synctest.Wait()
		if told != 1+maxBacklog || len(ends) != 1 || !errors.Is(ends[0], ErrTooSlow) {
			t.Errorf("told %d changes and the ends %v", told, ends)
		}
	})
}
