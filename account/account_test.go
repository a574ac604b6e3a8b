package account

import (
	"path/filepath"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/dht"
	"rollcall/identity"
	"rollcall/internal/dhttest"
	"rollcall/internal/eventlog"
	"rollcall/presence"
	"rollcall/store"
)

// testBits is the size of test keys: the least that peers trust.
const testBits = 2048

// person is an account with its record of events.
type person struct {
	*Account
	dir   string
	node  *dht.Node
	lease time.Duration
	quit  func() // ends the account and closes its files

	connections *Connections // nil for none

	eventlog.Log // of what it told
}

func newPerson(t *testing.T, node *dht.Node) *person {
	t.Helper()
	p := &person{dir: t.TempDir(), node: node, lease: 3 * time.Second}
	_, err := CreateKeys(t.Context(), p.dir, Creation{Keys: identity.Config{Bits: testBits}})
	if err != nil {
		t.Fatal(err)
	}
	p.open(t)
	return p
}

// open starts the account from what is on its disk.
func (p *person) open(t *testing.T) {
	t.Helper()
	keys, err := LoadKeys(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	state, err := store.OpenState(filepath.Join(p.dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := store.OpenCache(filepath.Join(p.dir, "cache.db"))
	if err != nil {
		t.Fatal(err)
	}
	p.Account, err = Open(Config{
		Keys: keys, State: state, Cache: cache,
		Lease: p.lease, AllowShortLease: true, Dwell: 100 * time.Millisecond,
		Connections: p.connections,
		Notify:      func(e Event) { p.Add(e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	a := p.Account
	p.quit = func() {
		a.Close()
		state.Close()
		cache.Close()
	}
	t.Cleanup(p.quit)
}

// await waits for the first event after mark that match accepts.
func await[E any](t *testing.T, p *person, mark int, match func(E) bool) E {
	t.Helper()
	return eventlog.Await(t, &p.Log, mark, 2*time.Minute, match)
}

func online(p *person, status presence.Status) func(presence.StatusChanged) bool {
	return func(e presence.StatusChanged) bool { return e.Account == p.ID() && e.Status == status }
}

// TestStory is the story of two people: one asks, the other accepts, the
// confirmation comes back, and when one leaves the other sees it.
func TestStory(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 4)
	alice, bob := newPerson(t, nodes[1]), newPerson(t, nodes[2])
	for _, p := range []*person{alice, bob} {
		p.Start(p.node)
		await(t, p, 0, func(e presence.Announced) bool { return e.On })
	}

	mark := bob.Mark()
	if err := alice.SendRequest(bob.ID(), []byte("card")); err != nil {
		t.Fatal(err)
	}
	request := await(t, bob, mark, func(contact.RequestReceived) bool { return true }).Request
	if request.From != alice.ID() || string(request.Payload) != "card" || request.Device != alice.Device().ID() {
		t.Fatalf("request = %+v", request)
	}
	await(t, alice, 0, online(bob, presence.Online))

	mark = alice.Mark()
	if changed, err := bob.AcceptRequest(alice.ID()); err != nil || !changed {
		t.Fatalf("accept: %v, %v", changed, err)
	}
	await(t, alice, mark, func(e contact.ContactAdded) bool { return e.Peer == bob.ID() && e.Confirmed })
	await(t, bob, 0, online(alice, presence.Online))

	mark = alice.Mark()
	begin := time.Now()
	if err := bob.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, alice, mark, online(bob, presence.Offline))
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("offline after %v, with a lease of 3 s", took)
	}
}

// TestPermanent announces as other daemons do, and withdraws it at the end.
func TestPermanent(t *testing.T) {
	t.Parallel()
	nodes := dhttest.Network(t, 3)
	alice, bob := newPerson(t, nodes[1]), newPerson(t, nodes[2])
	bob.quit()
	bob.lease = 0
	bob.open(t)
	bob.Start(bob.node)
	await(t, bob, 0, func(e presence.Announced) bool { return e.On })
	alice.Start(alice.node)
	if err := alice.Subscribe(bob.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, alice, 0, online(bob, presence.Online))
	bob.Stop()
	await(t, bob, 0, func(e presence.Announced) bool { return !e.On })
	bob.Account.mu.Lock()
	defer bob.Account.mu.Unlock()
	if len(bob.kept) > 0 {
		t.Errorf("%d announcements are still kept alive", len(bob.kept))
	}
}
