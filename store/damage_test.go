package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/test/leftout"
)

// TestTornTail opens the files as a power cut at any moment may leave them: the
// end of the log missing or zeroed. What is found is always the state after one
// of the changes.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state.db")
	s := openState(t, name)
	list, step := replayed(s, 1)
	states := [][]any{storable(list)}
	for range 40 {
		step(list)
		do(t, s, list)
		states = append(states, storable(list))
	}
	database, log := readFile(t, name), readFile(t, name+"-wal")
	s.Close()
	const page = 4096
	stride := page / 2
	if testing.Short() || raceDetector {
		stride = 16 * page
	}
	least := 0
	for cut := len(log) % stride; cut <= len(log); cut += stride {
		torn := log[:cut]
		zeroed := append(slices.Clone(torn), make([]byte, len(log)-cut)...)
		for what, log := range map[string][]byte{"missing": torn, "zeroed": zeroed} {
			got := reopen(t, database, log)
			i := slices.IndexFunc(states, func(s []any) bool { return reflect.DeepEqual(s, got) })
			if i < least {
				t.Fatalf("with the log %s from byte %d: state %d, want one of %d and later", what, cut, i, least)
			}
			least = max(least, i)
		}
	}
	if last := states[len(states)-1]; !reflect.DeepEqual(states[least], last) {
		t.Errorf("with the whole log: state %d, want the last", least)
	}
}

// reopen returns what is found in a database with a log.
func reopen(t *testing.T, database, log []byte) []any {
	t.Helper()
	name := filepath.Join(t.TempDir(), "state.db")
	writeFile(t, name, database)
	writeFile(t, name+"-wal", log)
	s := openState(t, name)
	defer s.Close()
	if s.Damage() != nil {
		t.Fatal(s.Damage())
	}
	return storable(load(t, s))
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func addContact(t *testing.T, s *State, n int) {
	t.Helper()
	save := contact.SaveContact{Peer: peer(n), Contact: contact.Contact{Record: contact.Record{Added: 1}}}
	if err := s.Apply(0, []contact.Effect{save}); err != nil {
		t.Fatal(err)
	}
}

func contacts(t *testing.T, s *State) int {
	t.Helper()
	snapshot, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return len(snapshot.Contacts)
}

// TestDamaged sees a broken database set aside, unchanged, and the newest sound
// snapshot in its place.
func TestDamaged(t *testing.T) {
	tests := []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"no database", func([]byte) []byte { return bytes.Repeat([]byte("garbage "), 1000) }},
		{"broken pages", func(b []byte) []byte {
			for i := 4096; i < len(b); i++ {
				b[i] = byte(i * 7)
			}
			return b
		}},
		{"cut short", func(b []byte) []byte { return b[:len(b)/2] }},
	}
	for _, tt := range tests {
		for _, snapshots := range []int{0, 2} {
			t.Run(fmt.Sprintf("%s, %d snapshots", tt.name, snapshots), func(t *testing.T) {
				name := filepath.Join(t.TempDir(), "state.db")
				s := openState(t, name)
				for i := range snapshots {
					addContact(t, s, i)
					if _, err := s.Snapshot(start.AddDate(0, 0, i)); err != nil {
						t.Fatal(err)
					}
				}
				s.Close()
				broken := tt.damage(readFile(t, name))
				writeFile(t, name, broken)

				s = openState(t, name)
				damage := s.Damage()
				if damage == nil || !errors.Is(damage, ErrDamaged) || (damage.Restored != "") != (snapshots > 0) {
					t.Fatalf("damage = %v", damage)
				}
				if got := contacts(t, s); got != snapshots {
					t.Errorf("%d contacts, want %d", got, snapshots)
				}
				if !bytes.Equal(readFile(t, damage.SetAside), broken) {
					t.Error("the damaged file was changed")
				}
				addContact(t, s, 100)
			})
		}
	}
}

func TestSnapshots(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state.db")
	s := openState(t, name)
	for day := range 10 {
		for again := range 2 {
			addContact(t, s, day)
			taken, err := s.Snapshot(start.AddDate(0, 0, day))
			if err != nil || taken != (again == 0) {
				t.Fatalf("day %d: taken %v, %v", day, taken, err)
			}
		}
	}
	all, err := snapshots(name)
	if err != nil || len(all) != maxSnapshots {
		t.Fatalf("snapshots %v, %v", all, err)
	}
	restored := filepath.Join(dir, "restored.db")
	if err := Restore(all[0], restored); err != nil {
		t.Fatal(err)
	}
	if err := Restore(all[0], restored); err == nil {
		t.Error("a restore over an existing file succeeded")
	}
	if got := contacts(t, openState(t, restored)); got != 10 {
		t.Errorf("%d contacts restored, want 10", got)
	}
	if err := s.Backup(all[0]); err == nil {
		t.Error("a backup over an existing file succeeded")
	}
	if info, err := os.Stat(all[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("snapshot: %v, %v", info.Mode(), err)
	}
}

// TestNewer leaves a database of a later version as it is.
func TestNewer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state.db")
	s := openState(t, name)
	if _, err := s.db.Exec("PRAGMA user_version = 1000"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := OpenState(name); !errors.Is(err, ErrNewer) {
		t.Errorf("open: %v", err)
	}
}

// TestFullDisk fills a small file system: the change that does not fit leaves no
// trace, and what was there before is still there.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		leftout.Test(t, "full disk", "cannot mount a small file system: "+err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	name := filepath.Join(dir, "state.db")
	s := openState(t, name)
	rng := rand.New(rand.NewPCG(1, 1))
	list := load(t, s)
	now, stored := start, storable(list)
	for step := 0; ; step++ {
		if step == 1000 {
			t.Fatal("the disk never filled up")
		}
		now = now.Add(time.Hour)
		payload := []byte(strings.Repeat(string(rune('a'+rng.IntN(26))), 50000))
		list.Receive(now, contact.Message{From: peer(step), Device: peer(step), Payload: payload, Invited: now.UnixMilli()})
		err := s.Apply(0, list.Effects(nil))
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		stored = storable(list)
	}
	if err := s.Backup(filepath.Join(dir, "backup")); !errors.Is(err, ErrFull) {
		t.Errorf("backup: %v", err)
	}
	if got := storable(load(t, s)); !reflect.DeepEqual(got, stored) {
		t.Error("the state is another one after the failure")
	}
	s.Close()
	s = openState(t, name)
	if got := storable(load(t, s)); !reflect.DeepEqual(got, stored) || s.Damage() != nil {
		t.Errorf("the state is another one after the failure and a restart; damage %v", s.Damage())
	}
}
