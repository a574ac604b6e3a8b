package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollcall/account"
	"rollcall/dht/infohash"
)

// TestBackup goes back to the contacts of a backup, on this machine and another.
func TestBackup(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	here, there := newMachine(t, ""), newMachine(t, "")
	id, err := here.Create(ctx, Creation{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, here, func(AccountID, DetailsChanged) bool { return true })
	friend := infohash.SumString("friend")
	if _, err := here.AddContact(ctx, id, friend); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup")
	if err := here.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	if err := here.Backup(ctx, backup); err == nil {
		t.Error("a second backup overwrote the first")
	}
	if _, err := here.RemoveContact(ctx, id, friend, false); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(backup, here.cfg.DataDir); !errors.Is(err, ErrInUse) {
		t.Errorf("restore under a running daemon: %v", err)
	}
	for _, m := range []*machine{here, there} {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if restored, err := Restore(backup, m.cfg.DataDir); err != nil || len(restored) != 1 || restored[0] != id {
			t.Fatalf("restored %v, %v", restored, err)
		}
		m.open(t)
		if c, err := m.Contact(id, friend); err != nil || !c.Active {
			t.Errorf("contact after the restore: %+v, %v", c, err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedBackup brings back the account that is sound, and says which is not.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	m, empty := newMachine(t, ""), t.TempDir()
	var ids []AccountID
	for range 2 {
		id, err := m.Create(t.Context(), Creation{})
		if err != nil {
			t.Fatal(err)
		}
		await(t, m, func(who AccountID, _ DetailsChanged) bool { return who == id })
		ids = append(ids, id)
	}
	slices.Sort(ids)
	backup := filepath.Join(t.TempDir(), "backup")
	if err := m.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(backup, string(ids[0]), account.ArchiveFile), 100); err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(backup, empty)
	if len(restored) != 1 || restored[0] != ids[1] || !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), string(ids[0])) {
		t.Errorf("restored %v, %v", restored, err)
	}
	var invalid *InvalidError
	if _, err := Restore(filepath.Join(backup, string(ids[1])), empty); !errors.As(err, &invalid) {
		t.Errorf("what no backup has made: %v", err)
	}
}

// TestDamagedAccount starts although an account cannot be read, says so, and
// leaves it alone.
func TestDamagedAccount(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	var ids []AccountID
	for range 2 {
		id, err := m.Create(t.Context(), Creation{})
		if err != nil {
			t.Fatal(err)
		}
		await(t, m, func(who AccountID, _ DetailsChanged) bool { return who == id })
		ids = append(ids, id)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(m.cfg.DataDir, accountsDir, string(ids[0]), "ring_device.key")
	if err := os.WriteFile(key, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.open(t)
	if got := m.Accounts(); len(got) != 1 || got[0] != ids[1] {
		t.Errorf("accounts = %v, want the sound one", got)
	}
	damaged := m.Status().Damaged
	if len(damaged) != 1 || !strings.Contains(damaged[0].Path, string(ids[0])) || damaged[0].Reason == "" {
		t.Errorf("damaged = %+v", damaged)
	}
	if b, err := os.ReadFile(key); err != nil || string(b) != "damaged" {
		t.Errorf("the damaged file is now %q, %v", b, err)
	}
}
