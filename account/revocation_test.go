package account

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/identity"
	"rollcall/internal/dhttest"
	"rollcall/presence"
)

// revoke puts the device of p on the revocation list of its account, and the
// list on the network.
func revoke(t *testing.T, p *person) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, ArchiveFile))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := identity.OpenArchive(b, identity.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Account.Revoke(p.Device().Chain().Leaf(), time.Now(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := p.node.Put(t.Context(), p.ID(), archive.Account.RevocationList().Value()); err != nil {
		t.Fatal(err)
	}
}

// TestRevoked sees a device counted until its account revokes it; from then on it
// is not there, and what it says is not heard.
func TestRevoked(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob := newPerson(t, nodes[1]), newPerson(t, nodes[2])
	for _, p := range []*person{alice, bob} {
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}
	if err := alice.Subscribe(bob.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, alice, 0, online(bob, presence.Online))
	verdict := func(want presence.Verdict) {
		t.Helper()
		found, err := Query(t.Context(), nodes[0], bob.ID())
		if err != nil || len(found.Devices) != 1 || found.Devices[0].Verdict != want ||
			found.Devices[0].LongID != bob.Device().LongID() || found.Revocation.IsZero() != (want == presence.Genuine) {
			t.Errorf("query = %+v, %v; want one device, %v", found, err, want)
		}
	}
	verdict(presence.Genuine)

	mark := alice.Mark()
	revoke(t, bob)
	await(t, alice, mark, online(bob, presence.Offline))
	verdict(presence.Revoked)

	mark = alice.Mark()
	if err := bob.SendRequest(alice.ID(), nil); err != nil {
		t.Fatal(err)
	}
	await(t, bob, 0, func(e contact.OutgoingChanged) bool { return e.Peer == alice.ID() && e.State >= contact.Stored })
	carol := newPerson(t, nodes[0])
	carol.Start(carol.node)
	if err := carol.SendRequest(alice.ID(), nil); err != nil {
		t.Fatal(err)
	}
	if r := await(t, alice, mark, func(contact.RequestReceived) bool { return true }); r.Request.From != carol.ID() {
		t.Errorf("a revoked device is heard: %+v", r)
	}

	// The list outlives a restart, without the network telling it again.
	alice.quit()
	alice.open(t)
	alice.knowRevocations(bob.ID())
	if chain, _, err := alice.cachedChain(bob.Device().ID()); chain == nil || !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("chain of the revoked device: %v, %v", chain, err)
	}
}

// TestRevokedStranger does not hear the revoked device of somebody who was never
// followed.
func TestRevokedStranger(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob, carol := newPerson(t, nodes[1]), newPerson(t, nodes[2]), newPerson(t, nodes[0])
	revoke(t, bob)
	for _, p := range []*person{alice, bob, carol} {
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}
	if err := bob.SendRequest(carol.ID(), nil); err != nil {
		t.Fatal(err)
	}
	await(t, bob, 0, func(e contact.OutgoingChanged) bool { return e.Peer == carol.ID() && e.State >= contact.Stored })
	if err := alice.SendRequest(carol.ID(), nil); err != nil {
		t.Fatal(err)
	}
	await(t, carol, 0, func(e contact.RequestReceived) bool { return e.Request.From == alice.ID() })
	carol.Read(func(l *contact.List, _ *presence.Tracker) {
		if _, pending := l.Request(bob.ID()); pending {
			t.Error("a revoked device of a stranger is heard")
		}
	})
}

// TestNotStored sees an operation fail, and nothing told of it, when the disk
// fails.
func TestNotStored(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 1)
	alice := newPerson(t, nodes[0])
	mark := alice.Mark()
	alice.cfg.State.Close()
	if _, err := alice.AddContact(nodes[0].ID()); err == nil {
		t.Error("a contact was added without being stored")
	}
	if told := alice.Since(mark); len(told) > 0 {
		t.Errorf("told of what is not stored: %+v", told)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	d := throttle(nil).(*throttled)
	now := time.Unix(1000, 0)
	for i := range decryptBurst {
		if wait := d.reserve(now); wait != 0 {
			t.Fatalf("decryption %d waits %v", i, wait)
		}
	}
	for i := 1; i <= 3; i++ {
		if wait := d.reserve(now); wait != time.Duration(i)*period {
			t.Errorf("%d over the burst: waits %v", i, wait)
		}
	}
	if wait := d.reserve(now.Add(time.Hour)); wait != 0 {
		t.Errorf("after an hour: waits %v", wait)
	}
}
