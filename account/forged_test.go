package account

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/internal/dhttest"
	"rollcall/presence"
)

// forge publishes certificates for the device of a person: one that a made-up account
// has issued, and one that it only seems to have.
func forge(t *testing.T, p *person) {
	t.Helper()
	other, _, err := identity.Generate(t.Context(), identity.Config{Bits: testBits}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	device, err := other.IssueDevice(p.Device().Key, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issued := device.Chain().DER()
	unsigned := slices.Clone(issued)
	unsigned[0] = slices.Clone(issued[0])
	unsigned[0][len(issued[0])-1] ^= 1
	short, long := value.CertificateKeys(p.Device().SPKI())
	for i, chain := range [][][]byte{issued, unsigned} {
		for _, key := range []infohash.Hash{short, long} {
			v := &value.Value{ID: value.CertificateID + 1 + uint64(i), Type: value.TypeCertificate, Data: value.AppendChain(nil, chain)}
			if _, err := p.node.Put(t.Context(), key, v); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestForgedCertificates finds the certificates of a device and its sender among
// those that somebody else has published for it.
func TestForgedCertificates(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob := newPerson(t, nodes[1]), newPerson(t, nodes[2])
	forge(t, bob)
	for _, p := range []*person{alice, bob} {
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}
	found, err := Query(t.Context(), nodes[0], bob.ID())
	if err != nil || len(found.Devices) != 1 || found.Devices[0].Verdict != presence.Genuine {
		t.Errorf("query = %+v, %v; want one genuine device", found, err)
	}
	if err := alice.Subscribe(bob.ID()); err != nil {
		t.Fatal(err)
	}
	until(t, "the device is known to be genuine", func() bool { return alice.verdictOf(bob) == presence.Genuine })
	if err := bob.SendRequest(alice.ID(), nil); err != nil {
		t.Fatal(err)
	}
	if r := await(t, alice, 0, func(contact.RequestReceived) bool { return true }); r.Request.From != bob.ID() {
		t.Errorf("the request is from %v", r.Request.From)
	}
}

// verdictOf returns what a person thinks of the device of another one, Unknown as long
// as it is not on the network.
func (p *person) verdictOf(other *person) (verdict presence.Verdict) {
	p.Read(func(_ *contact.List, tracker *presence.Tracker) {
		view, _ := tracker.View(other.ID())
		for _, d := range view.Devices {
			verdict = d.Verdict
		}
	})
	return verdict
}

// TestForgedRevocationLists finds the revocation list of an account among many that
// are none, also where they came first.
func TestForgedRevocationLists(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob, carol := newPerson(t, nodes[1]), newPerson(t, nodes[2]), newPerson(t, nodes[0])
	for i := range 40 {
		forged := &value.Value{Type: value.TypeUserData, Data: value.AppendRevocationList(nil, []byte{0x30, 1, byte(i)})}
		if _, err := nodes[0].Put(t.Context(), bob.ID(), forged); err != nil {
			t.Fatal(err)
		}
	}
	revoke(t, bob)
	for _, p := range []*person{alice, bob, carol} {
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}
	found, err := Query(t.Context(), nodes[0], bob.ID())
	if err != nil || len(found.Devices) != 1 || found.Devices[0].Verdict != presence.Revoked {
		t.Errorf("query = %+v, %v; want one revoked device", found, err)
	}
	if err := alice.Subscribe(bob.ID()); err != nil {
		t.Fatal(err)
	}
	until(t, "the device is known to be revoked", func() bool {
		_, _, err := alice.cachedChain(bob.Device().ID())
		return errors.Is(err, identity.ErrRevoked) && isOffline(alice, bob)
	})
	for _, p := range []*person{bob, alice} {
		if err := p.SendRequest(carol.ID(), nil); err != nil {
			t.Fatal(err)
		}
		await(t, p, 0, func(e contact.OutgoingChanged) bool { return e.Peer == carol.ID() && e.State >= contact.Stored })
	}
	await(t, carol, 0, func(e contact.RequestReceived) bool { return e.Request.From == alice.ID() })
	carol.Read(func(l *contact.List, _ *presence.Tracker) {
		if _, pending := l.Request(bob.ID()); pending {
			t.Error("the revoked device of a stranger is heard")
		}
	})
}

// TestForgedEnd sees a device stay when other values under the id of its announcement
// come and end.
func TestForgedEnd(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob, carol := newPerson(t, nodes[1]), newPerson(t, nodes[2]), newPerson(t, nodes[0])
	bob.Start(bob.node)
	alice.Start(alice.node)
	if err := alice.Subscribe(bob.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, alice, 0, online(bob, presence.Online))
	alice.mu.Lock()
	f := alice.follows[bob.ID()]
	alice.mu.Unlock()
	genuine := bob.announcement(t)
	hear := func(v *value.Value, expired bool) {
		alice.heard(bob.ID(), f, dht.Event{Value: v, Expired: expired})
	}
	hear(genuine, false)
	replayed, forged := *genuine, *genuine
	replayed.Priority++ // which is not signed
	forged.Owner = carol.Device().SPKI()
	for _, other := range []*value.Value{&replayed, &forged} {
		hear(other, false)
		hear(other, true)
	}
	if alice.devicesSeen(bob) == 0 {
		t.Error("the device is gone")
	}
	bob.Close()
	hear(genuine, true)
	until(t, "its own end counts", func() bool { return isOffline(alice, bob) })
}

// devicesSeen returns how many devices of another person somebody sees.
func (p *person) devicesSeen(other *person) (n int) {
	p.Read(func(_ *contact.List, tracker *presence.Tracker) {
		view, _ := tracker.View(other.ID())
		n = len(view.Devices)
	})
	return n
}
