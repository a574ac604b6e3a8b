package account

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/internal/dhttest"
	"rollcall/presence"
)

// newCouple returns two people on the network who are contacts and may connect.
func newCouple(t *testing.T) (alice, bob *person) {
	t.Helper()
	nodes := dhttest.Network(t, 3)
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

	mark := alice.Mark()
	begin = time.Now()
	if err := bob.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, alice, mark, disconnected(bob))
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("seen after %v", took)
	}
	await(t, alice, mark, online(bob, presence.Offline)) // with the end of its announcement
	if n := len(alice.Connections()); n > 0 {
		t.Errorf("%d connections are left", n)
	}
}

func disconnected(p *person) func(presence.StatusChanged) bool {
	return func(e presence.StatusChanged) bool { return e.Account == p.ID() && e.Status < presence.Connected }
}

// TestInvisibleIsNotConnected, and is again when it is visible.
func TestInvisibleIsNotConnected(t *testing.T) {
	t.Parallel()
	alice, bob := newCouple(t)
	await(t, bob, 0, online(alice, presence.Connected))
	mark := bob.Mark()
	alice.SetInvisible(true)
	await(t, bob, mark, disconnected(alice))
	if n := len(alice.Connections()); n > 0 {
		t.Errorf("%d connections while invisible", n)
	}
	mark = bob.Mark()
	alice.SetInvisible(false)
	await(t, bob, mark, online(alice, presence.Connected))

	// Off the network and on again.
	mark = alice.Mark()
	alice.Stop()
	await(t, alice, mark, online(bob, presence.Offline))
	mark = alice.Mark()
	alice.Start(alice.node)
	await(t, alice, mark, online(bob, presence.Connected))
}

// TestBannedIsDisconnected at once, and so is a device that its account revokes.
func TestBannedIsDisconnected(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, alice, bob *person){
		"banned": func(t *testing.T, alice, bob *person) {
			if _, err := alice.RemoveContact(bob.ID(), true); err != nil {
				t.Fatal(err)
			}
		},
		"removed": func(t *testing.T, alice, bob *person) {
			if _, err := alice.RemoveContact(bob.ID(), false); err != nil {
				t.Fatal(err)
			}
		},
		"revoked": func(t *testing.T, alice, bob *person) { revoke(t, bob) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := newCouple(t)
			await(t, alice, 0, online(bob, presence.Connected))
			await(t, bob, 0, online(alice, presence.Connected))
			mark := bob.Mark()
			end(t, alice, bob)
			await(t, bob, mark, disconnected(alice))
		})
	}
}

// TestAnswerFirst accepts a request on the device that need not wait before it asks for
// a connection: it does so when the answer is on the network.
func TestAnswerFirst(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob := newPerson(t, nodes[1]), newPerson(t, nodes[2])
	if bob.Device().LongID().String() > alice.Device().LongID().String() {
		alice, bob = bob, alice
	}
	var early atomic.Bool
	for _, p := range []*person{alice, bob} {
		p.quit()
		p.connections = &Connections{Addrs: func() []netip.Addr {
			p.Read(func(l *contact.List, _ *presence.Tracker) {
				for _, o := range l.Outgoing() {
					if o.Kind == contact.Answer && o.State < contact.Stored {
						early.Store(true)
					}
				}
			})
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
		}}
		p.open(t)
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}
	if err := alice.SendRequest(bob.ID(), nil); err != nil {
		t.Fatal(err)
	}
	await(t, bob, 0, func(contact.RequestReceived) bool { return true })
	if _, err := bob.AcceptRequest(alice.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, bob, 0, online(alice, presence.Connected))
	if early.Load() {
		t.Error("asked for a connection before the answer was on the network")
	}
}
