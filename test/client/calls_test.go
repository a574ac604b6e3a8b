//go:build peers

package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"rollcall/test/peers"
)

// calls are the methods that a client called, as their names followed by the
// arguments that are no payload: "addContact ID URI".
type calls struct {
	mu   sync.Mutex
	list []string
	more chan struct{} // closed and replaced when list grows
}

// listen records every method call to a daemon from now on.
func listen(t *testing.T, d *peers.Daemon) *calls {
	t.Helper()
	bus, err := dbus.Connect(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	rules := []string{"type='method_call',destination='cx.ring.Ring'"}
	err = bus.BusObject().Call("org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, rules, uint32(0)).Err
	if err != nil {
		t.Fatal(err)
	}
	c := &calls{more: make(chan struct{})}
	// What does not fit is lost: room for all that a client asks in a story.
	messages := make(chan *dbus.Message, 1<<16)
	bus.Eavesdrop(messages)
	go c.record(messages)
	return c
}

func (c *calls) record(messages <-chan *dbus.Message) {
	for m := range messages {
		member, _ := m.Headers[dbus.FieldMember].Value().(string)
		call := []string{member}
		for _, arg := range m.Body {
			switch arg.(type) {
			case string, bool:
				call = append(call, fmt.Sprint(arg))
			}
		}
		c.mu.Lock()
		c.list = append(c.list, strings.Join(call, " "))
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

// wait waits for a call after the one that was waited for last.
func (c *calls) wait(ctx context.Context, words ...string) error {
	want := strings.Join(words, " ")
	for {
		c.mu.Lock()
		i, more := slices.Index(c.list, want), c.more
		c.list = c.list[i+1:]
		c.mu.Unlock()
		if i >= 0 {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the call %q: %w", want, ctx.Err())
		}
	}
}
