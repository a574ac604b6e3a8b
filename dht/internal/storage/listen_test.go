package storage

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// listenFrom returns the n-th listen of a node at key.
func listenFrom(node infohash.Hash, addr netip.AddrPort, sid uint32, where ...value.Condition) Listen {
	l := Listen{Key: key, Node: node, Addr: addr, SID: sid, Version: 1}
	if len(where) > 0 {
		q := value.Query{Where: where}
		l.Query = q.Append(nil)
	}
	return l
}

func listen(t testing.TB, s *Store, now time.Time, l Listen) {
	t.Helper()
	if err := s.Listen(now, l); err != nil {
		t.Fatal(err)
	}
}

func TestListen(t *testing.T) {
	s := newStore()
	node := numbered(1)
	put(t, s, start, Put{Key: key, Value: plain(1, "before"), From: alice})
	put(t, s, start, Put{Key: key, Value: typed(2, 98, []byte("x")), From: alice})
	put(t, s, start, Put{Key: numbered(9), Value: plain(1, "elsewhere"), From: alice})
	if got := drainPushes(s); len(got) != 0 {
		t.Fatalf("pushes without listeners: %v", got)
	}

	listen(t, s, start, listenFrom(node, bob, 7))
	got := drainPushes(s)
	if len(got) != 1 || len(got[0].Values) != 2 {
		t.Fatalf("first listen: %v", got)
	}
	p := got[0]
	if p.Key != key || p.Node != node || p.Addr != bob || p.SID != 7 || p.Version != 1 || p.Local() {
		t.Errorf("addressed as %+v", p)
	}
	if !bytes.Equal(p.Values[0], plain(1, "before").Append(nil)) {
		t.Errorf("pushed %x", p.Values[0])
	}

	// A repeated listen renews and may move, but is not told again.
	moved := netip.AddrPortFrom(bob.Addr(), 4223)
	listen(t, s, start.Add(time.Minute), listenFrom(node, moved, 7))
	if got := drainPushes(s); len(got) != 0 {
		t.Errorf("repeated listen: %v", got)
	}
	listen(t, s, start.Add(time.Minute), listenFrom(node, bob, 8, value.WhereType(98)))
	if got := drainPushes(s); len(got) != 1 || got[0].SID != 8 || len(got[0].Values) != 1 {
		t.Errorf("filtered listen: %v", got)
	}
	listen(t, s, start.Add(time.Minute), listenFrom(node, bob, 9, value.WhereType(99)))
	watch := s.Watch(start.Add(time.Minute), key, value.Query{})
	if got := drainPushes(s); len(got) != 1 || got[0].Watch != watch || !got[0].Local() || len(got[0].Values) != 2 {
		t.Errorf("watch: %v", got)
	}

	// New values go where they match, the rest everywhere (opendht spec 6.4).
	now := start.Add(time.Minute)
	put(t, s, now, Put{Key: key, Value: plain(3, "new"), From: alice})
	got = drainPushes(s)
	if len(got) != 2 || got[0].SID != 7 || got[0].Addr != moved || got[1].Watch != watch {
		t.Errorf("a new value: %v", got)
	}
	s.Commit(now, Put{Key: key, Value: plain(3, "new"), From: alice})
	s.Refresh(now, key, 3)
	if got = drainPushes(s); len(got) != 8 || got[0].Refreshed[0] != 3 || got[2].SID != 9 || got[7].Watch != watch {
		t.Errorf("refreshed twice: %v", got)
	}
	s.Remove(now, key, 3)
	if got = drainPushes(s); len(got) != 4 || got[0].Expired[0] != 3 || got[2].SID != 9 {
		t.Errorf("removed: %v", got)
	}
	check(t, s)

	// Values that end together are told of together.
	s.Tick(start.Add(10 * time.Minute))
	if got = drainPushes(s); len(got) != 4 || len(got[0].Expired) != 2 || len(got[3].Expired) != 2 {
		t.Errorf("expired: %v", got)
	}
	s.Tick(start.Add(11*time.Minute - 1))
	if got := s.Stats(); got.Listeners != 3 {
		t.Errorf("%d listeners just before their end", got.Listeners)
	}
	s.Tick(start.Add(11 * time.Minute))
	if got := s.Stats(); got.Listeners != 0 || got.Watches != 1 || got.ListenerBytes != 0 {
		t.Errorf("after their end: %+v", got)
	}
	s.Unwatch(watch)
	s.Unwatch(watch)
	if got := s.Stats(); got.Keys != 0 || got.Watches != 0 || len(s.filters) != 0 || !s.NextDeadline().IsZero() {
		t.Errorf("in the end: %+v, %d filters", got, len(s.filters))
	}
	check(t, s)
}

// TestListenChanges renews a listen with another query, and from elsewhere.
func TestListenChanges(t *testing.T) {
	s := newStore()
	node := numbered(1)
	listen(t, s, start, listenFrom(node, alice, 7, value.WhereType(99)))
	listen(t, s, start, listenFrom(node, alice, 7, value.WhereType(0)))
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), From: alice})
	listen(t, s, start, listenFrom(node, bob, 7, value.WhereType(0)))
	put(t, s, start, Put{Key: key, Value: plain(2, "x"), From: alice})
	if got := s.Stats(); got.Listeners != 1 || len(s.filters) != 1 {
		t.Errorf("%+v, %d filters", got, len(s.filters))
	}
	got := drainPushes(s)
	if len(got) != 2 || got[0].Addr != bob || got[1].Addr != bob {
		t.Errorf("pushes %v", got)
	}
	check(t, s)
}

func TestEditsArePushed(t *testing.T) {
	s := newStore()
	s.Watch(start, key, value.Query{})
	put(t, s, start, Put{Key: key, Value: signed(1, 1, 1, "old"), From: alice})
	put(t, s, start, Put{Key: key, Value: signed(1, 1, 2, "new"), From: alice})
	got := drainPushes(s)
	if len(got) != 2 || !bytes.Equal(got[1].Values[0], signed(1, 1, 2, "new").Append(nil)) {
		t.Errorf("pushes %v", got)
	}
}

// TestFirstPushIsDivided listens to more than one message should carry.
func TestFirstPushIsDivided(t *testing.T) {
	s := newStore()
	for i := range 10 {
		put(t, s, start, Put{Key: key, Value: plain(uint64(i+1), strings.Repeat("x", 20_000)), From: alice})
	}
	put(t, s, start, Put{Key: key, Value: plain(11, strings.Repeat("x", value.MaxDataSize)), From: alice})
	listen(t, s, start, listenFrom(numbered(1), bob, 1))
	var counts []int
	for _, p := range drainPushes(s) {
		counts = append(counts, len(p.Values))
		if p.SID != 1 {
			t.Errorf("addressed to %d", p.SID)
		}
	}
	want := []int{2, 2, 2, 2, 2, 1}
	if len(counts) != len(want) {
		t.Fatalf("values in pushes: %v, want %v", counts, want)
	}
	for i := range want {
		if counts[i] != want[i] {
			t.Errorf("values in pushes: %v, want %v", counts, want)
		}
	}
}

func TestBadQueries(t *testing.T) {
	s := newStore()
	for name, query := range map[string][]byte{
		"garbage":   []byte("garbage"),
		"too long":  (&value.Query{Where: []value.Condition{value.WhereUserType(strings.Repeat("x", maxQuery))}}).Append(nil),
		"by seq":    {0x82, 0xa1, 's', 0x90, 0xa1, 'w', 0x91, 0x82, 0xa1, 'f', 4, 0xa1, 'v', 0},
		"no select": {0x81, 0xa1, 'w', 0x90},
	} {
		l := listenFrom(numbered(1), bob, 1)
		l.Query = query
		if err := s.Listen(start, l); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := s.Stats(); got.Keys != 0 || got.Listeners != 0 || len(s.filters) != 0 {
		t.Errorf("left over: %+v", got)
	}
	l := listenFrom(numbered(1), bob, 1)
	l.Query = (&value.Query{Select: []value.Field{value.FieldID}}).Append(nil)
	listen(t, s, start, l)
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), From: alice})
	if got := drainPushes(s); len(got) != 1 || len(got[0].Values) != 1 {
		t.Errorf("a selection is not ignored: %v", got)
	}
}

func TestListenersPerNode(t *testing.T) {
	s := newStore()
	for sid := range uint32(maxNodeListeners) {
		listen(t, s, start, listenFrom(numbered(1), bob, sid))
	}
	if err := s.Listen(start, listenFrom(numbered(1), bob, maxNodeListeners)); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	listen(t, s, start, listenFrom(numbered(1), bob, 5))
	listen(t, s, start, listenFrom(numbered(2), bob, 5))
	elsewhere := listenFrom(numbered(1), bob, 5)
	elsewhere.Key = numbered(77)
	listen(t, s, start, elsewhere)
	check(t, s)
}

// TestListenersPerKey fills a key with listeners from one network: others still
// find room, and take it from none but that network.
func TestListenersPerKey(t *testing.T) {
	s := newStore()
	for i := range maxKeyListeners {
		listen(t, s, start, listenFrom(numbered(i), bob, 1))
	}
	if err := s.Listen(start, listenFrom(numbered(-1), bob, 1)); !errors.Is(err, ErrFull) {
		t.Errorf("one too many from the same network: %v", err)
	}
	for i := range maxKeyListeners / 2 {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 1}), 1)
		listen(t, s, start, listenFrom(numbered(-2-i), addr, 1))
	}
	check(t, s)
	got := s.Stats()
	if got.Listeners != maxKeyListeners || got.Ousted != maxKeyListeners/2 {
		t.Errorf("%+v", got)
	}
	perNetwork := make(map[netip.Prefix]int)
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), From: alice})
	for p := range s.Pushes() {
		network, err := p.Addr.Addr().Prefix(24)
		if err != nil {
			t.Fatal(err)
		}
		perNetwork[network]++
	}
	if len(perNetwork) != 1+maxKeyListeners/2 || perNetwork[netip.MustParsePrefix("198.51.100.0/24")] != maxKeyListeners/2 {
		t.Errorf("%d networks: %v", len(perNetwork), perNetwork)
	}
}

// TestListenerFlood listens from everywhere to everything: the bound holds to the
// byte, and a network with a single listener keeps it.
func TestListenerFlood(t *testing.T) {
	const limit = 1 << 20
	s := New(Config{ListenerBytes: limit}, new(value.Types))
	listen(t, s, start, listenFrom(numbered(-1), alice, 1))
	for i := range 20_000 {
		l := listenFrom(numbered(i), netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i % 7), 0, byte(i % 3)}), 1), uint32(i), value.WhereID(uint64(i)))
		l.Key = numbered(i)
		listen(t, s, start.Add(time.Duration(i)), l)
		if got := s.Stats().ListenerBytes; got > limit {
			t.Fatalf("%d bytes after %d listens", got, i)
		}
	}
	check(t, s)
	if got := s.Stats(); got.ListenerBytes < limit-1000 || got.Ousted == 0 {
		t.Errorf("%+v", got)
	}
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), From: alice})
	if got := drainPushes(s); len(got) != 1 || got[0].Node != numbered(-1) {
		t.Errorf("the lone listener hears %v", got)
	}
}
