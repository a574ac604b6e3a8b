package account

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/internal/dhttest"
	"rollcall/presence"
)

// outcome returns how many announcements had an outcome.
func (p *person) outcome(o presence.Outcome) (n uint64) {
	p.Read(func(_ *contact.List, tracker *presence.Tracker) { n = tracker.Counts()[o] })
	return n
}

// announcement returns a value by which a person is present now.
func (p *person) announcement(t *testing.T) *value.Value {
	t.Helper()
	for v, err := range p.node.Get(t.Context(), p.ID(), userData) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := identity.ParseAnnouncement(v, p.ID()); err == nil {
			return v
		}
	}
	t.Fatal("there is no announcement")
	return nil
}

func isOffline(p, of *person) bool {
	status := presence.Connected
	p.Read(func(_ *contact.List, tracker *presence.Tracker) { status = tracker.Status(of.ID()) })
	return status == presence.Offline
}

// until waits for what no event tells.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); pause(t.Context(), 10*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// TestPrepared signs the announcement while the network is asked, or before, with the
// date of that time.
func TestPrepared(t *testing.T) {
	t.Parallel()
	node := dhttest.Network(t, 2)[1]
	for _, prepare := range []func(bob *person){
		func(bob *person) { bob.Start(node) },
		func(bob *person) { bob.Prepare() },
	} {
		bob := newPerson(t, node)
		prepare(bob)
		prepared := time.Now()
		bob.Start(node)
		await(t, bob, 0, func(e presence.Announced) bool { return e.On })
		date := presence.ReadStamp(bob.announcement(t).Data).Date
		if date.IsZero() || date.After(prepared) {
			t.Errorf("dated %v, prepared at %v", date, prepared)
		}
	}
}

// TestReplay puts the announcement of a device that has left again and again:
// nobody who knew the device believes it, until it comes back.
func TestReplay(t *testing.T) {
	t.Parallel()
	alice, bob := newCouple(t)
	await(t, alice, 0, online(bob, presence.Connected))
	old := *bob.announcement(t)
	// The next life of bob's goes on from what he has shown.
	date := presence.ReadStamp(old.Data).Date
	if shown := bob.cfg.shownDate(); time.Since(date) > time.Minute || shown.Before(date) {
		t.Errorf("announcement dated %v, remembered %v", date, shown)
	}
	mark := alice.Mark()
	bob.quit()
	await(t, alice, mark, online(bob, presence.Offline))

	refused := alice.outcome(presence.OldDate)
	for id := range uint64(3) {
		old.ID = 1 + id
		if _, err := bob.node.Put(t.Context(), bob.ID(), &old); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the announcements are heard", func() bool { return alice.outcome(presence.OldDate) >= refused+3 })
	if !isOffline(alice, bob) {
		t.Error("an old announcement is believed")
	}

	mark = alice.Mark()
	bob.open(t)
	bob.Start(bob.node)
	await(t, alice, mark, online(bob, presence.Connected))
}

// TestLocked gives the archive a password: announcements are dated no more, and
// those who have seen dates believe them nevertheless, also after a restart, and
// nothing from before.
func TestLocked(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob := newPerson(t, nodes[1]), newPerson(t, nodes[2])
	if _, err := alice.AddContact(bob.ID()); err != nil {
		t.Fatal(err)
	}
	alice.Start(alice.node)
	bob.Start(bob.node)
	await(t, alice, 0, online(bob, presence.Online))
	dated := *bob.announcement(t)

	secret := identity.Password("secret")
	if err := bob.ChangeSecret(identity.Secret{}, secret); err != nil {
		t.Fatal(err)
	}
	mark := alice.Mark()
	bob.quit()
	await(t, alice, mark, online(bob, presence.Offline))
	mark = alice.Mark()
	bob.open(t)
	bob.Start(bob.node)
	await(t, alice, mark, online(bob, presence.Online))
	if stamp := presence.ReadStamp(bob.announcement(t).Data); !stamp.Lasting {
		t.Errorf("stamp %+v", stamp)
	}

	mark = alice.Mark()
	bob.quit()
	await(t, alice, mark, online(bob, presence.Offline))
	refused := alice.outcome(presence.OldDate)
	dated.ID = 7
	if _, err := bob.node.Put(t.Context(), bob.ID(), &dated); err != nil {
		t.Fatal(err)
	}
	until(t, "the announcement is heard", func() bool { return alice.outcome(presence.OldDate) > refused })

	// Without the password dates begin again.
	mark = alice.Mark()
	bob.open(t)
	bob.Start(bob.node)
	if err := bob.ChangeSecret(secret, identity.Secret{}); err != nil {
		t.Fatal(err)
	}
	await(t, alice, mark, online(bob, presence.Online))
	until(t, "there are dates again", func() bool { return alice.sawDate(bob.ID()) })
}

// sawDate reports whether the latest date of an account's device is one of many.
func (p *person) sawDate(account infohash.Hash) (seen bool) {
	memory, err := p.cfg.Cache.Memory(p.ID(), account)
	return err == nil && len(memory.Dates) == 1 && !memory.Dates[0].Lasting
}

// TestNoArchive announces without dates where nothing can sign them.
func TestNoArchive(t *testing.T) {
	t.Parallel()
	bob := newPerson(t, dhttest.Network(t, 2)[1])
	if err := os.Remove(filepath.Join(bob.dir, ArchiveFile)); err != nil {
		t.Fatal(err)
	}
	bob.Start(bob.node)
	await(t, bob, 0, func(e presence.Announced) bool { return e.On })
	if stamp := presence.ReadStamp(bob.announcement(t).Data); stamp != (presence.Stamp{}) {
		t.Errorf("stamp %+v", stamp)
	}
}
