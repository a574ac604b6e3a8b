package daemon

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/identity"
	"rollcall/internal/dhttest"
	"rollcall/presence"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// limit bounds what must happen.
const limit = 2 * time.Minute

// startNetwork starts the nodes of a private network on loopback and returns the
// address to join it by.
func startNetwork(t *testing.T, size int) string {
	t.Helper()
	return dhttest.Network(t, size)[0].Addrs()[0].String()
}

// machine is a daemon with its directories, and the events since it was opened.
type machine struct {
	*Daemon
	cfg    Config
	events *Subscription
	past   []Event
}

func newMachine(t *testing.T, bootstrap string) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{cfg: Config{
		DataDir: filepath.Join(dir, "rollcall"), ClientDir: filepath.Join(dir, "jami"),
		Node:  dht.Config{Bind4: loopback, NoIPv6: true},
		Lease: 3 * time.Second, AllowShortLease: true, Dwell: 50 * time.Millisecond,
		InitTime: 50 * time.Millisecond, KeyBits: 2048,
	}}
	if bootstrap != "" {
		m.cfg.Bootstrap = []string{bootstrap}
	}
	m.open(t)
	return m
}

func (m *machine) open(t *testing.T) {
	t.Helper()
	d, err := Open(t.Context(), m.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	m.Daemon, m.events, m.past = d, d.Subscribe(), nil
}

// await waits for the first event since the last reopening that match accepts.
func await[C Change](t *testing.T, m *machine, match func(AccountID, C) bool) C {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for i := 0; ; i++ {
		if i == len(m.past) {
			e, err := m.events.Next(ctx)
			if err != nil {
				t.Fatalf("no %v with what was asked for (%v); there were %+v", reflect.TypeFor[C](), err, m.past)
			}
			m.past = append(m.past, e)
		}
		if change, ok := m.past[i].Change.(C); ok && match(m.past[i].Account, change) {
			return change
		}
	}
}

// forget makes await look at later events only.
func (m *machine) forget() { m.past = nil }

// addAccount makes an account and waits until it is announced.
func (m *machine) addAccount(t *testing.T, name string) (AccountID, infohash.Hash) {
	t.Helper()
	id, err := m.Create(t.Context(), Creation{Settings: Details{keyDisplayName: name}})
	if err != nil {
		t.Fatal(err)
	}
	m.awaitAnnounced(t, id)
	account, err := m.Account(id)
	if err != nil {
		t.Fatal(err)
	}
	return id, account.URI
}

func (m *machine) awaitAnnounced(t *testing.T, id AccountID) {
	t.Helper()
	await(t, m, func(who AccountID, c VolatileChanged) bool {
		return who == id && c.Details["Account.deviceAnnounced"] == "true"
	})
}

// TestStory is the story of two people on two machines, over the API that the
// faces use: follow, ask, accept, confirm, leave, come back.
func TestStory(t *testing.T) {
	t.Parallel()
	bootstrap := startNetwork(t, 3)
	here, there := newMachine(t, bootstrap), newMachine(t, bootstrap)
	alice, aliceURI := here.addAccount(t, "alice")
	bob, bobURI := there.addAccount(t, "bob")

	if err := here.Track(alice, bobURI); err != nil {
		t.Fatal(err)
	}
	// Contacts may be connected before their announcement is seen.
	isThere := func(is bool) func(AccountID, PresenceChanged) bool {
		return func(_ AccountID, c PresenceChanged) bool {
			return c.Peer == bobURI && (c.Status >= presence.Online) == is
		}
	}
	await(t, here, isThere(true))

	if err := here.SendRequest(t.Context(), alice, bobURI, []byte("BEGIN:VCARD\nFN:Alice\nEND:VCARD")); err != nil {
		t.Fatal(err)
	}
	request := await(t, there, func(AccountID, RequestReceived) bool { return true }).Request
	if request.From != aliceURI || request.Title != "Alice" || len(request.ID) != 40 {
		t.Fatalf("request = %+v", request)
	}
	if pending, err := there.RequestByID(bob, request.ID); err != nil || pending.From != aliceURI {
		t.Fatalf("request by id = %+v, %v", pending, err)
	}
	if changed, err := there.AcceptRequest(t.Context(), bob, aliceURI); err != nil || !changed {
		t.Fatalf("accept: %v, %v", changed, err)
	}
	await(t, here, func(_ AccountID, c ContactAdded) bool { return c.Peer == bobURI && c.Confirmed })
	for _, side := range []struct {
		*machine
		id   AccountID
		peer infohash.Hash
	}{{here, alice, bobURI}, {there, bob, aliceURI}} {
		contacts, err := side.Contacts(side.id)
		if err != nil || len(contacts) != 1 || contacts[0].Peer != side.peer || !contacts[0].Confirmed {
			t.Errorf("contacts = %+v, %v", contacts, err)
		}
	}

	here.forget()
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, here, isThere(false))

	here.forget()
	there.open(t)
	await(t, here, isThere(true))
	if contacts, err := there.Contacts(bob); err != nil || len(contacts) != 1 || contacts[0].Peer != aliceURI {
		t.Errorf("contacts after a restart = %+v, %v", contacts, err)
	}
}

// TestLateRecipient asks somebody who is away, with a restart in between.
func TestLateRecipient(t *testing.T) {
	t.Parallel()
	bootstrap := startNetwork(t, 3)
	here, there := newMachine(t, bootstrap), newMachine(t, bootstrap)
	alice, _ := here.addAccount(t, "alice")
	bob, bobURI := there.addAccount(t, "bob")
	if err := there.SetEnabled(t.Context(), bob, false); err != nil {
		t.Fatal(err)
	}
	if err := here.SendRequest(t.Context(), alice, bobURI, nil); err != nil {
		t.Fatal(err)
	}
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	here.open(t)
	there.forget()
	if err := there.SetEnabled(t.Context(), bob, true); err != nil {
		t.Fatal(err)
	}
	await(t, there, func(AccountID, RequestReceived) bool { return true })
}

// TestCreationOrder holds the order of events that clients need (dbus spec 5.2).
func TestCreationOrder(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m.cfg.InitTime = 3 * time.Second // longer than the look at it takes
	m.open(t)
	id, err := m.AddAccount(t.Context(), Template("RING"))
	if err != nil {
		t.Fatal(err)
	}
	if account, err := m.Account(id); err != nil || account.State != Initializing {
		t.Errorf("right after the call: %+v, %v", account, err)
	}
	if _, err := os.Stat(filepath.Join(m.cfg.ClientDir, string(id))); err != nil {
		t.Errorf("clients' directory: %v", err)
	}
	if _, err := m.AddContact(t.Context(), id, infohash.SumString("x")); !errors.Is(err, ErrNotReady) {
		t.Errorf("add a contact: %v", err)
	}
	await(t, m, func(AccountID, DetailsChanged) bool { return true })
	var got []string
	for _, e := range m.past {
		name := reflect.TypeOf(e.Change).Name()
		if c, ok := e.Change.(RegistrationChanged); ok {
			name += " " + string(c.State)
		}
		got = append(got, name)
	}
	want := []string{
		"RegistrationChanged INITIALIZING", "VolatileChanged", "AccountsChanged",
		"DevicesChanged", "RegistrationChanged TRYING", "VolatileChanged", "DetailsChanged",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// TestArchive takes an account to another machine and back through passwords.
func TestArchive(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	here, there := newMachine(t, ""), newMachine(t, "")
	secret := identity.Password("correct horse")
	id, err := here.Create(ctx, Creation{Settings: Details{keyDisplayName: "alice"}, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	await(t, here, func(AccountID, DetailsChanged) bool { return true })
	friend := infohash.SumString("friend")
	if _, err := here.AddContact(ctx, id, friend); err != nil {
		t.Fatal(err)
	}
	if details, _ := here.Details(id); details[keyHasPassword] != "true" {
		t.Error("the account does not say that it has a password")
	}
	path := filepath.Join(t.TempDir(), "alice.gz")
	if err := here.ChangePassword(ctx, id, identity.Password("wrong"), secret); !errors.Is(err, ErrPassword) {
		t.Errorf("change with a wrong password: %v", err)
	}
	if err := here.ExportFile(ctx, id, path, secret); err != nil {
		t.Fatal(err)
	}
	if err := here.ChangePassword(ctx, id, secret, identity.Secret{}); err != nil {
		t.Fatal(err)
	}
	if details, _ := here.Details(id); details[keyHasPassword] != "false" {
		t.Error("the account still says that it has a password")
	}

	other, err := there.AddAccount(ctx, Details{
		keyType: accountType, keyArchivePath: path, keyArchivePassword: "correct horse",
	})
	if err != nil {
		t.Fatal(err)
	}
	await(t, there, func(AccountID, DetailsChanged) bool { return true })
	original, _ := here.Account(id)
	imported, err := there.Account(other)
	if err != nil || imported.URI != original.URI || imported.DisplayName != "alice" || imported.Device == original.Device {
		t.Errorf("imported %+v, %v; the original is %+v", imported, err, original)
	}
	if c, err := there.Contact(other, friend); err != nil || !c.Active {
		t.Errorf("imported contact %+v, %v", c, err)
	}
}

// TestRemoval leaves nothing of an account, the clients' files included.
func TestRemoval(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	id, err := m.Create(t.Context(), Creation{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, m, func(AccountID, DetailsChanged) bool { return true })
	m.forget()
	if err := m.RemoveAccount(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	await(t, m, func(AccountID, AccountsChanged) bool { return true })
	for _, dir := range []string{filepath.Join(m.cfg.DataDir, accountsDir), m.cfg.ClientDir} {
		entries, err := os.ReadDir(dir)
		if err != nil || slices.ContainsFunc(entries, os.DirEntry.IsDir) {
			t.Errorf("after the removal %s has %v, %v", dir, entries, err)
		}
	}
}

// TestRemovalWhileCreated leaves nothing of an account that is not ready yet.
func TestRemovalWhileCreated(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	for range 10 {
		id, err := m.Create(t.Context(), Creation{})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.RemoveAccount(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m.open(t)
	if left := m.Accounts(); len(left) > 0 {
		t.Errorf("accounts %v came back", left)
	}
}

// TestFailedCreation sees the end of an account whose archive does not open.
func TestFailedCreation(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	id, err := m.Create(t.Context(), Creation{Archive: []byte("no archive")})
	if err != nil {
		t.Fatal(err)
	}
	await(t, m, func(_ AccountID, c RegistrationChanged) bool { return c.State == ErrorGeneric && c.Text != "" })
	await(t, m, func(AccountID, AccountsChanged) bool { return len(m.Accounts()) == 0 })
	if _, err := m.Details(id); !errors.Is(err, ErrUnknownAccount) {
		t.Errorf("details of the failed account: %v", err)
	}
}

func TestOneDaemonPerDirectory(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	if _, err := Open(t.Context(), m.cfg); !errors.Is(err, ErrInUse) {
		t.Errorf("second daemon: %v", err)
	}
}

// TestTwoDevices has one account on two machines: each knows the other, and both
// get what is sent to the account.
func TestTwoDevices(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	bootstrap := startNetwork(t, 3)
	desk, phone, there := newMachine(t, bootstrap), newMachine(t, bootstrap), newMachine(t, bootstrap)
	alice, aliceURI := desk.addAccount(t, "alice")
	archive, err := desk.Export(ctx, alice, identity.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	alicePhone, err := phone.Create(ctx, Creation{Archive: archive})
	if err != nil {
		t.Fatal(err)
	}
	both := func(_ AccountID, c DevicesChanged) bool {
		return len(c.Devices) == 2 && c.Devices[0].Own && !c.Devices[1].Own
	}
	await(t, desk, both)
	await(t, phone, both)

	bob, _ := there.addAccount(t, "bob")
	if err := there.SendRequest(ctx, bob, aliceURI, []byte("card")); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*machine{desk, phone} {
		await(t, m, func(AccountID, RequestReceived) bool { return true })
	}
	for begin := time.Now(); ; <-time.After(10 * time.Millisecond) {
		outgoing, err := there.Outgoing(bob)
		if err == nil && len(outgoing) == 1 && outgoing[0].Devices == 2 {
			break
		}
		if time.Since(begin) > limit {
			t.Fatalf("outgoing = %+v, %v; want one request, for two devices", outgoing, err)
		}
	}
	if devices, err := phone.Devices(alicePhone); err != nil || len(devices) != 2 {
		t.Errorf("devices = %+v, %v", devices, err)
	}
}
