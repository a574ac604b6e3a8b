package account

import (
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/presence"
)

// newCouple returns two people on the network who are contacts and may connect.
func newCouple(t *testing.T) (alice, bob *person) {
	t.Helper()
	nodes := openNetwork(t, 3)
	alice, bob = newPerson(t, nodes[1]), newPerson(t, nodes[2])
	for _, p := range []*person{alice, bob} {
		p.quit()
		p.connections = &Connections{}
		p.open(t)
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}
	if err := alice.SendRequest(bob.ID(), []byte("card")); err != nil {
		t.Fatal(err)
	}
	await(t, bob, 0, func(contact.RequestReceived) bool { return true })
	if _, err := bob.AcceptRequest(alice.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, alice, 0, func(e contact.ContactAdded) bool { return e.Peer == bob.ID() && e.Confirmed })
	return alice, bob
}

// TestConnected is connected as soon as both know each other, and sees at once
// when the other leaves.
func TestConnected(t *testing.T) {
	t.Parallel()
	alice, bob := newCouple(t)
	begin := time.Now()
	await(t, alice, 0, online(bob, presence.Connected))
	await(t, bob, 0, online(alice, presence.Connected))
	t.Logf("connected after %v: %+v", time.Since(begin), alice.Connections())

	mark := alice.mark()
	begin = time.Now()
	if err := bob.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, alice, mark, func(e presence.StatusChanged) bool { return e.Account == bob.ID() && e.Status < presence.Connected })
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("seen after %v", took)
	}
	await(t, alice, mark, online(bob, presence.Offline))
	if n := len(alice.Connections()); n > 0 {
		t.Errorf("%d connections are left", n)
	}
}
