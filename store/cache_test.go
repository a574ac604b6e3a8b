package store

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/presence"
)

func TestCache(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cache.db")
	c, err := OpenCache(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { c.Close() }()
	me, friend, device := peer(1), peer(2), peer(3)
	memory := presence.Memory{
		LastSeen: start,
		History: []presence.Change{
			{At: start, Status: presence.Online},
			{At: start.Add(time.Second), Status: presence.Connected, Noted: true, Note: "Déjeuner"},
			{At: start.Add(2 * time.Second), Status: presence.Connected, Noted: true},
			{At: start.Add(time.Minute), Status: presence.Offline},
		},
		Dates: []presence.DeviceDate{{Device: device, Newest: start, Seen: start.Add(time.Second), Gone: true, Lasting: true}},
	}
	for what, err := range map[string]error{
		"memory":      c.SaveMemory(me, friend, memory),
		"other":       c.SaveMemory(friend, me, presence.Memory{}),
		"certificate": c.SaveCertificate(start, device, friend, []byte("chain")),
		"revocation":  c.SaveRevocation(friend, []byte("issuer"), []byte("list")),
	} {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	c.Close()
	if c, err = OpenCache(name); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Memory(me, friend); err != nil || !reflect.DeepEqual(got, memory) {
		t.Errorf("memory = %+v, %v; want %+v", got, err, memory)
	}
	if chain, err := c.Certificate(start, device); err != nil || string(chain) != "chain" {
		t.Errorf("certificate = %q, %v", chain, err)
	}
	if issuer, list, err := c.Revocation(friend); err != nil || string(issuer) != "issuer" || string(list) != "list" {
		t.Errorf("revocation = %q, %q, %v", issuer, list, err)
	}
	if err := c.Forget(me); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Memory(me, friend); err != nil || !reflect.DeepEqual(got, presence.Memory{}) {
		t.Errorf("forgotten memory = %+v, %v", got, err)
	}
	if chain, err := c.Certificate(start, peer(9)); chain != nil || err != nil {
		t.Errorf("unknown certificate = %q, %v", chain, err)
	}
}

// TestTreat knows requests again, also in the next life, but not for ever.
func TestTreat(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cache.db")
	c, err := OpenCache(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { c.Close() }()
	me, other, device := peer(1), peer(2), value.LongID{3}
	treat := func(account infohash.Hash, device value.LongID, id uint64, want bool) {
		t.Helper()
		if first, err := c.Treat(account, device, id); err != nil || first != want {
			t.Errorf("request %d: first = %t, %v; want %t", id, first, err, want)
		}
	}
	treat(me, device, 1, true)
	treat(me, device, 1, false)
	treat(me, device, 1<<53, true)
	treat(me, value.LongID{4}, 1, true)
	treat(other, device, 1, true)
	c.Close()
	if c, err = OpenCache(name); err != nil {
		t.Fatal(err)
	}
	treat(me, device, 1, false)
	if _, err := c.db.Exec("UPDATE sqlite_sequence SET seq = ? WHERE name = 'request'", maxRequests+1); err != nil {
		t.Fatal(err)
	}
	treat(me, device, 2, true) // the oldest go
	treat(me, device, 1, true)
	treat(me, device, 2, false)
	if err := c.Forget(me); err != nil {
		t.Fatal(err)
	}
	treat(me, device, 2, true)
}

// TestDamagedCache begins a new one, and keeps the old.
func TestDamagedCache(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cache.db")
	writeFile(t, name, []byte("this is no database, whatever its name says; it is a text of some length"))
	c, err := OpenCache(name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Damage() == nil {
		t.Fatal("no damage was reported")
	}
	if _, err := os.Stat(c.Damage().SetAside); err != nil {
		t.Error(err)
	}
}

// TestFilesArePrivate makes files that no other user can read, also where one made by
// others stands already.
func TestFilesArePrivate(t *testing.T) {
	for _, made := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "cache.db")
		if made {
			if err := os.WriteFile(name, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c, err := OpenCache(name)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SaveRevocation(infohash.Hash{1}, []byte("issuer"), []byte("list")); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{name, name + "-wal"} {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("made before: %v, %s: mode %v", made, filepath.Base(file), info.Mode())
			}
		}
	}
}
