package account

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/identity"
)

// TestRenewKeys brings an account back whose certificates have ended.
func TestRenewKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const years = 11
	account, device, err := identity.Generate(t.Context(), identity.Config{Bits: testBits}, time.Now().AddDate(-years, 0, 0), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writeKeys(dir, identity.NewArchive(account), device); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeys(dir); !errors.Is(err, identity.ErrUntrusted) {
		t.Fatalf("load keys of %d years ago: %v", years, err)
	}
	if _, err := RenewKeys(dir, identity.Password("wrong")); !errors.Is(err, identity.ErrPassword) {
		t.Errorf("renew with a wrong password: %v", err)
	}
	if _, err := RenewKeys(dir, identity.Secret{}); err != nil {
		t.Fatal(err)
	}
	keys, err := LoadKeys(dir)
	if err != nil || keys.Device.ID() != device.ID() || keys.Device.Account() != account.ID() {
		t.Errorf("renewed keys: %v, %v", keys, err)
	}
}

// TestArchivedContacts brings records through an archive.
func TestArchivedContacts(t *testing.T) {
	t.Parallel()
	for _, r := range []contact.Record{
		{Added: 1_700_000_000_123, Confirmed: true, ConversationID: "ab"},
		{Added: 1000, Removed: 2001, Banned: true},
	} {
		peer := infohash.SumString("peer")
		archive := &identity.Archive{Contacts: map[infohash.Hash]identity.ArchivedContact{peer: archived(r)}}
		if got := ArchivedContacts(archive); len(got) != 1 || got[0] != (contact.Entry{Peer: peer, Record: r}) {
			t.Errorf("%+v came back as %+v", r, got)
		}
	}
}
