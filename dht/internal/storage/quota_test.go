package storage

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/internal/ratelimit"
	"rollcall/dht/value"
)

// TestFloods fills a store from various places. Whatever comes, the bounds hold to
// the byte, and a bystander that takes little keeps its value.
func TestFloods(t *testing.T) {
	const limit = 256 << 10
	from4 := func(a, b, c, d int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(a), byte(b), byte(c), byte(d)}), 1)
	}
	from6 := func(i int) netip.AddrPort {
		ip := netip.MustParseAddr("2001:db8::").As16()
		binary.BigEndian.PutUint32(ip[4:], uint32(i))
		return netip.AddrPortFrom(netip.AddrFrom16(ip), 1)
	}
	tests := []struct {
		name string
		from func(i int) netip.AddrPort
		key  func(i int) int
		size int
		most int // bytes of the flood
	}{
		{"one address", func(int) netip.AddrPort { return from4(10, 0, 0, 1) }, func(i int) int { return i }, 10, limit / 2},
		{"large values", func(int) netip.AddrPort { return from4(10, 0, 0, 1) }, func(i int) int { return i }, 30_000, limit / 2},
		{"one network", func(i int) netip.AddrPort { return from4(10, 0, 0, i) }, func(i int) int { return i }, 10, limit / 4 * 3},
		{"one IPv6 /64", func(i int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}), 1)
		}, func(i int) int { return i }, 10, limit / 2},
		{"one IPv6 /56", func(i int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 7: byte(i)}), 1)
		}, func(i int) int { return i }, 10, limit / 4 * 3},
		{"ten networks", func(i int) netip.AddrPort { return from4(10, 0, i%10, 1) }, func(i int) int { return i }, 10, limit},
		{"many networks", from6, func(i int) int { return i }, 200, limit},
		{"one key", func(i int) netip.AddrPort { return from4(10, 0, i%10, 1) }, func(int) int { return -1 }, 10, limit / 8},
		{"one key, one address", func(int) netip.AddrPort { return from4(10, 0, 0, 1) }, func(int) int { return -1 }, 10, limit / 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Config{Bytes: limit}, new(value.Types))
			put(t, s, start, Put{Key: numbered(-1), Value: plain(1, "bystander"), From: alice})
			mine := s.Stats().Bytes
			put(t, s, start, Put{Key: numbered(-1), Value: plain(2, "own"), Own: true, Permanent: true})
			data := make([]byte, tt.size)
			most := 0
			n := 4 * tt.most / (tt.size + valueCost)
			for i := range n {
				v := value.Value{ID: uint64(i + 10), Data: data}
				now := start.Add(time.Duration(i))
				put(t, s, now, Put{Key: numbered(tt.key(i)), Value: &v, From: tt.from(i)})
				most = max(most, s.Stats().Bytes-mine)
				if i == n/2 {
					check(t, s)
				}
			}
			check(t, s)
			slack := tt.size + valueCost + 100
			if tt.key(0) == -1 {
				slack += 12*accountCost + mine // accounts do not count for keys
			}
			if most > max(tt.most, tt.most-mine+slack) || most < tt.most-slack-mine {
				t.Errorf("took %d bytes, want %d", most, tt.most)
			}
			got := s.Stats()
			if got.Evicted == 0 || got.Stored != uint64(n)+2 {
				t.Errorf("%+v", got)
			}
			if _, ok := item(s, start, numbered(-1), 2); !ok {
				t.Error("an own value was evicted")
			}
			if _, ok := item(s, start, numbered(-1), 1); !ok && tt.name != "many networks" {
				t.Error("the bystander's value was evicted")
			}
		})
	}
}

// TestKeyCount fills a key by number.
func TestKeyCount(t *testing.T) {
	s := New(Config{Bytes: 256 << 20}, new(value.Types))
	put(t, s, start, Put{Key: key, Value: plain(1, "bystander"), From: alice})
	v := value.Value{}
	for i := range maxKeyValues + 100 {
		v.ID = uint64(i + 10)
		put(t, s, start.Add(time.Duration(i)), Put{Key: key, Value: &v, From: bob})
	}
	if got := s.Stats(); got.Values != maxKeyValues || got.Evicted != 101 {
		t.Errorf("%+v", got)
	}
	if _, ok := item(s, start, key, 1); !ok {
		t.Error("the bystander's value was evicted")
	}
	check(t, s)
}

func TestUnfit(t *testing.T) {
	s := New(Config{Bytes: 64 << 10}, new(value.Types))
	v := value.Value{ID: 1, Data: make([]byte, 10_000)}
	p := Put{Key: key, Value: &v, From: alice}
	if got := s.Commit(start, p); got != Rejected {
		t.Errorf("more than a key may take: %v", got)
	}
	if p.Own = true; s.Commit(start, p) != Accepted {
		t.Error("own value refused")
	}
	v = value.Value{ID: 2, Owner: []byte("no key"), Signature: []byte("x")}
	if got := s.Commit(start, p); got != Rejected {
		t.Errorf("own value that cannot be read: %v", got)
	}
	if got := s.Stats(); got.Rejected.Unfit != 2 || got.Bytes != 0 || got.Values != 1 {
		t.Errorf("%+v", got)
	}
}

// TestFloodMemory compares what the books say with what the process takes, for the
// floods that leave most in records.
func TestFloodMemory(t *testing.T) {
	const limit = 4 << 20
	tests := []struct {
		name string
		do   func(s *Store, i int)
	}{
		{"small values of everybody", func(s *Store, i int) {
			v := value.Value{ID: uint64(i + 1)}
			s.Commit(start, Put{Key: numbered(i), Value: &v, From: netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}), 1)})
		}},
		{"small values of one network", func(s *Store, i int) {
			v := value.Value{ID: uint64(i + 1)}
			s.Commit(start, Put{Key: numbered(i), Value: &v, From: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1)})
		}},
		{"listeners of everybody", func(s *Store, i int) {
			q := value.Query{Where: []value.Condition{value.WhereID(uint64(i)), value.WhereOwner(numbered(i))}}
			l := Listen{
				Key: numbered(i), Node: numbered(-i), SID: uint32(i), Query: q.Append(nil),
				Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}), 1),
			}
			if err := s.Listen(start, l); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, tt := range tests {
		s := New(Config{Bytes: limit, ListenerBytes: limit}, new(value.Types))
		before, _ := memory(t)
		for i := range 40_000 {
			tt.do(s, i)
		}
		after, _ := memory(t)
		if got := s.Stats(); got.Evicted+got.Ousted == 0 {
			t.Errorf("%s: no flood: %+v", tt.name, got)
		}
		took := after - before
		t.Logf("%s: %d bytes for %d", tt.name, took, s.held.used+s.heard.used)
		if took > limit*5/4 {
			t.Errorf("%s: took %d bytes, want little more than %d", tt.name, took, limit)
		}
		runtime.KeepAlive(s)
	}
}

// TestVictims checks the choice of who must go against its definition.
func TestVictims(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries pool[entry]
		var l ledger
		const limit = 20_000
		l.init(limit, func(i uint32) *entry { return entries.at(i) })
		live := make(map[uint32]ratelimit.Origin)
		use := func(of func(ratelimit.Origin) bool) (bytes int) {
			seen := make(map[ratelimit.Origin]bool)
			for i, o := range live {
				if of(o) {
					bytes += int(entries.at(i).cost)
					if !seen[o] {
						bytes += accountCost
					}
					seen[o] = true
				}
			}
			return bytes
		}
		useOfOrigin := func(o ratelimit.Origin) int {
			return use(func(x ratelimit.Origin) bool { return x == o })
		}
		useOfNetwork := func(n ratelimit.Network) int {
			return use(func(x ratelimit.Origin) bool { return x.Network() == n })
		}
		drop := func(i uint32) {
			l.remove(i)
			entries.release(i)
			delete(live, i)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			origin := ratelimit.Origin(rapid.IntRange(0, 3).Draw(t, "network")<<8 | rapid.IntRange(0, 3).Draw(t, "origin"))
			cost := rapid.IntRange(100, 5000).Draw(t, "cost")
			for {
				v := l.victim(origin, cost)
				need := cost
				if useOfOrigin(origin) == 0 {
					need += accountCost
				}
				overOrigin := useOfOrigin(origin)+need > limit/2
				overNetwork := useOfNetwork(origin.Network())+need > limit/4*3
				overAll := use(func(ratelimit.Origin) bool { return true })+need > limit
				if v == 0 {
					if overOrigin || overNetwork || overAll {
						t.Fatalf("no victim for %d of %x", cost, origin)
					}
					break
				}
				loser := live[v]
				for i, o := range live {
					if o == loser && entries.at(i).expires < entries.at(v).expires {
						t.Fatalf("%d ends before victim %d", i, v)
					}
					switch {
					case overOrigin:
						if loser != origin {
							t.Fatalf("%x pays for %x", loser, origin)
						}
					case overNetwork:
						if loser.Network() != origin.Network() || o.Network() == origin.Network() && useOfOrigin(o) > useOfOrigin(loser) {
							t.Fatalf("%x pays instead of %x", loser, o)
						}
					case overAll:
						if useOfNetwork(o.Network()) > useOfNetwork(loser.Network()) ||
							o.Network() == loser.Network() && useOfOrigin(o) > useOfOrigin(loser) {
							t.Fatalf("%x pays instead of %x", loser, o)
						}
					default:
						t.Fatal("a victim without need")
					}
				}
				drop(v)
			}
			i := entries.take()
			*entries.at(i) = entry{cost: uint32(cost), expires: int64(rapid.IntRange(0, 1000).Draw(t, "expires"))}
			l.add(i, origin)
			live[i] = origin
			other := uint32(rapid.IntRange(1, int(entries.used)).Draw(t, "other"))
			if _, ok := live[other]; ok {
				if rapid.Bool().Draw(t, "remove") {
					drop(other)
				} else {
					l.move(other, int64(rapid.IntRange(0, 1000).Draw(t, "moved")))
				}
			}
			checkLedger(t, &l, len(live))
		}
	})
}
