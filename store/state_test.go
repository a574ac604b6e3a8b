package store

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

var start = time.UnixMilli(1_770_000_000_000)

func openState(t testing.TB, name string) *State {
	t.Helper()
	s, err := OpenState(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func peer(n int) infohash.Hash {
	return infohash.Sum([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// storable keeps what a list has beyond a restart, with slices that are equal
// when they hold the same.
func storable(l *contact.List) []any {
	requests, outgoing := l.Requests(), l.Outgoing()
	for i := range requests {
		requests[i].Payload = append([]byte{}, requests[i].Payload...)
		requests[i].DeviceKey = append([]byte{}, requests[i].DeviceKey...)
	}
	for i := range outgoing {
		outgoing[i].Payload = append([]byte{}, outgoing[i].Payload...)
		var deliveries []contact.Delivery
		for _, d := range outgoing[i].Deliveries {
			deliveries = append(deliveries, contact.Delivery{Device: d.Device, ValueID: d.ValueID, Stored: d.Stored})
		}
		outgoing[i].Deliveries = deliveries
	}
	contacts := make(map[infohash.Hash]contact.Contact)
	for _, e := range l.Contacts() {
		contacts[e.Peer], _ = l.Contact(e.Peer)
	}
	return []any{contacts, requests, outgoing, l.Policy()}
}

// do applies what a list wants to be stored.
func do(t *testing.T, s *State, l *contact.List) {
	t.Helper()
	if err := s.Apply(start.UnixMilli(), l.Effects(nil)); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, s *State) *contact.List {
	t.Helper()
	snapshot, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return contact.New(start, peer(-1), snapshot, rand.New(rand.NewPCG(1, 2)))
}

// TestListSurvives drives a list at random and finds it again after each step.
func TestListSurvives(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state.db")
	s := openState(t, name)
	list := load(t, s)
	rng := rand.New(rand.NewPCG(3, 4))
	now := start
	for step := range 400 {
		now = now.Add(time.Duration(rng.IntN(100)) * time.Second)
		randomStep(rng, now, list)
		do(t, s, list)
		if step%20 == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openState(t, name)
		}
		if got, want := storable(load(t, s)), storable(list); !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d:\n got %+v\nwant %+v", step, got, want)
		}
	}
}

func randomStep(rng *rand.Rand, now time.Time, l *contact.List) {
	who, device := peer(rng.IntN(8)), peer(1000+rng.IntN(16))
	switch rng.IntN(11) {
	case 0:
		_, _ = l.Add(now, who) // an error changes nothing, which is what is compared
	case 1:
		_, _ = l.Remove(now, who, rng.IntN(2) == 0)
	case 2:
		_ = l.Send(now, who, []byte("card"))
	case 3:
		_, _ = l.Accept(now, who)
	case 4:
		l.Discard(now, who)
	case 5, 6:
		key := []byte{byte(rng.IntN(8))}
		l.Receive(now, contact.Message{
			From: who, Device: infohash.Sum(key), DeviceKey: key, Payload: []byte("hello"),
			Invited: now.UnixMilli() - rng.Int64N(1e6), Confirm: rng.IntN(3) == 0,
		})
	case 7:
		l.DeviceUp(now, who, device)
	case 8:
		l.DeviceRevoked(who, device)
	case 9:
		l.See(who)
	case 10:
		_ = l.SetPolicy(contact.Policy{
			Mode: contact.Mode(rng.IntN(2)), Allowed: []infohash.Hash{who}, Codes: []string{"a code of 16 bytes"},
		})
	}
	l.Tick(now)
}

func TestSealed(t *testing.T) {
	s := openState(t, filepath.Join(t.TempDir(), "state.db"))
	ref := contact.Ref{Peer: peer(1), Kind: contact.Ask, Device: peer(2), ValueID: 1 << 63}
	out := contact.Outgoing{
		Peer: ref.Peer, Kind: ref.Kind, Deliveries: []contact.Delivery{{Device: ref.Device, ValueID: ref.ValueID}},
	}
	want := func(what string, packed []byte) {
		t.Helper()
		got, err := s.Sealed(ref)
		if err != nil || !slices.Equal(got, packed) {
			t.Fatalf("%s: sealed = %q, %v; want %q", what, got, err, packed)
		}
	}
	apply := func(e contact.Effect) {
		t.Helper()
		if err := s.Apply(0, []contact.Effect{e}); err != nil {
			t.Fatal(err)
		}
	}
	apply(contact.SaveOutgoing{Outgoing: out})
	want("new", nil)
	if err := s.SaveSealed(ref, []byte("cypher")); err != nil {
		t.Fatal(err)
	}
	want("saved", []byte("cypher"))
	out.State = contact.Stored
	apply(contact.SaveOutgoing{Outgoing: out})
	want("changed", []byte("cypher"))
	apply(contact.DeleteOutgoing{Peer: ref.Peer, Kind: ref.Kind})
	want("deleted", nil)
	if err := s.SaveSealed(ref, []byte("late")); err != nil {
		t.Fatal(err)
	}
	want("late", nil)
}

func TestSettingsAndDevices(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state.db")
	s := openState(t, name)
	if err := s.SaveSettings(map[string]string{"a": "1", "b": "2"}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveSettings(map[string]string{"b": "", "c": "3"}); err != nil {
		t.Fatal(err)
	}
	device := value.KeyLongID([]byte("key"))
	if err := s.SaveDevice(device, "laptop"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenState(name); err == nil {
		t.Fatal("a second process could open the database")
	}
	s.Close()
	s = openState(t, name)
	settings, err := s.Settings()
	if want := map[string]string{"a": "1", "b": "", "c": "3"}; err != nil || !reflect.DeepEqual(settings, want) {
		t.Errorf("settings = %v, %v; want %v", settings, err, want)
	}
	devices, err := s.Devices()
	if err != nil || devices[device] != "laptop" || len(devices) != 1 {
		t.Errorf("devices = %v, %v", devices, err)
	}
}

// BenchmarkLoad opens the state of an account with 100,000 contacts and loads it.
func BenchmarkLoad(b *testing.B) {
	const count = 100_000
	name := filepath.Join(b.TempDir(), "state.db")
	s := openState(b, name)
	_, err := s.db.Exec(`INSERT INTO contact
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		SELECT randomblob(20), i, 0, 1, 0, 0, '' FROM n`, count)
	if err != nil {
		b.Fatal(err)
	}
	s.Close()
	for b.Loop() {
		s := openState(b, name)
		snapshot, err := s.Load()
		if err != nil || len(snapshot.Contacts) != count {
			b.Fatalf("%d contacts, %v", len(snapshot.Contacts), err)
		}
		s.Close()
	}
}
