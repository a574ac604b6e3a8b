package account

import (
	"fmt"
	"testing"

	"rollcall/contact"
	"rollcall/dht/value"
	"rollcall/internal/dhttest"
	"rollcall/presence"
)

// TestUnknownSenders hears of somebody among more messages than can wait, whose
// senders nobody finds.
func TestUnknownSenders(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob := newPerson(t, nodes[1]), newPerson(t, nodes[2])
	for _, p := range []*person{alice, bob} {
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}
	alice.mu.Lock()
	s := alice.session
	alice.mu.Unlock()
	data := value.TrustRequest{Service: contact.Service}.Append(nil)
	for i := range 2 * maxWaiting {
		s.received(&value.Value{Type: value.TypeTrustRequest, Owner: fmt.Appendf(nil, "nobody %d", i), Data: data})
	}
	until(t, "the first sender is looked for", func() bool { return alice.tried() > 0 })
	if err := bob.SendRequest(alice.ID(), nil); err != nil {
		t.Fatal(err)
	}
	await(t, alice, 0, func(e contact.RequestReceived) bool { return e.Request.From == bob.ID() })
	alice.mu.Lock()
	defer alice.mu.Unlock()
	if n := len(alice.waiting); n > maxWaiting {
		t.Errorf("%d messages wait", n)
	}
}

// tried returns how many of the messages that wait were looked into in vain.
func (p *person) tried() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.waiting {
		if w.tried {
			n++
		}
	}
	return n
}
