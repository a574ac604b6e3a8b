package engine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// flood is how many made-up senders a flood has.
func flood() int {
	if testing.Short() {
		return 20_000
	}
	return 100_000
}

// crowd makes up senders: ids at random, addresses all over the network.
type crowd struct{ rng *rand.Rand }

func newCrowd() crowd { return crowd{rand.New(rand.NewPCG(1, 2))} }

func (c crowd) id() (id infohash.Hash) {
	for i := range id {
		id[i] = byte(c.rng.Uint32())
	}
	return id
}

func (c crowd) addr() netip.AddrPort {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], c.rng.Uint32())
	b[0] = 20 + b[0]%180
	return netip.AddrPortFrom(netip.AddrFrom4(b), uint16(1024+c.rng.IntN(60000)))
}

// heapBytes returns the bytes in use.
func heapBytes() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// flooded runs a flood on a node without rate limits, small quotas and eight
// neighbours. It holds the memory that the node is left with to a bound, and the
// neighbours must not have suffered.
func flooded(t *testing.T, bound int, run func(l *lone, c crowd)) *lone {
	t.Helper()
	l := newLone(t, func(c *Config) {
		c.RateLimit.Off = true
		c.Storage.Bytes, c.Storage.ListenerBytes = 8<<20, 4<<20
	})
	for i := range 8 {
		l.befriend(public(i), infohash.SumString(fmt.Sprint("node ", i)))
	}
	before := heapBytes()
	run(l, newCrowd())
	l.sent, l.output, l.told = nil, Output{}, nil
	grown := heapBytes() - before
	t.Logf("%.1f MiB", float64(grown)/(1<<20))
	if grown > bound {
		t.Errorf("the flood costs %d bytes, over the bound of %d", grown, bound)
	}
	l.told = nil
	l.Get(l.at, infohash.SumString("own"), value.Query{})
	l.drain()
	l.pass(5 * time.Second)
	if l.count(Done) != 1 {
		t.Error("a get does not end within five seconds")
	}
	l.pass(time.Minute)
	if good := l.Info(l.at).Families[0].Nodes.Good; good != 8 {
		t.Errorf("%d of 8 neighbours are still good", good)
	}
	l.sent = nil
	l.pass(15 * time.Minute)
	if left := heapBytes() - before; left > bound {
		t.Errorf("%d bytes remain, over the bound of %d", left, bound)
	}
	return l
}

// cast sends a request and forgets the answers.
func (l *lone) cast(from netip.AddrPort, m *wire.Message) {
	m.Kind = wire.Request
	l.handle(from, m.Append(nil))
	l.sent, l.told = l.sent[:0], l.told[:0]
}

// Bounds of what floods may cost beside the quotas of the storage.
const (
	nodesBound     = 4 << 20
	storeBound     = 8<<20 + 6<<20 // packed values in a log with some slack, indexes
	listenersBound = 4<<20 + 3<<20
)

func TestAFloodOfIDs(t *testing.T) {
	l := flooded(t, nodesBound, func(l *lone, c crowd) {
		for i := range flood() {
			m := wire.Message{Method: wire.Find, TID: uint32(i), ID: c.id(), Key: c.id()}
			from := c.addr()
			l.cast(from, &m)
			if i%4 == 0 {
				l.cast(from, &m)
			}
			if n := len(l.families[0].strangers); n > maxStrangers {
				t.Fatalf("%d nodes wait for a ping", n)
			}
			if i%100 == 0 {
				l.pass(time.Millisecond)
			}
		}
	})
	if info := l.Info(l.at); info.Families[0].Known > 4096 || info.Pending > maxRequests {
		t.Errorf("%+v", info)
	}
}

func TestAFloodOfNodesNamed(t *testing.T) {
	flooded(t, nodesBound, func(l *lone, c crowd) {
		hostile := c.addr()
		for range flood() / 8 {
			l.Ping(l.at, hostile)
			l.drain()
			ping := parse(t, l.sent[len(l.sent)-1].data)
			m := wire.Message{Kind: wire.Reply, TID: ping.TID, ID: infohash.SumString("hostile"), Token: []byte("token")}
			for range wire.MaxNodes {
				m.Nodes4 = wire.AppendNode(m.Nodes4, c.id(), c.addr())
			}
			l.handle(hostile, m.Append(nil))
			l.sent, l.told = l.sent[:0], l.told[:0]
		}
	})
}

func TestAFloodOfPuts(t *testing.T) {
	l := flooded(t, storeBound+nodesBound, func(l *lone, c crowd) {
		for i := range flood() {
			from := c.addr()
			v := value.Value{ID: uint64(i) + 1, Data: make([]byte, c.rng.IntN(500))}
			m := wire.Message{Method: wire.Put, TID: uint32(i), ID: c.id(), Key: c.id()}
			m.Token = l.tokens.Append(nil, l.at, from)
			m.Values = []wire.Value{{Raw: v.Append(nil)}}
			l.cast(from, &m)
		}
		if s := l.Info(l.at).Storage; s.Bytes > 8<<20 || s.Stored < uint64(flood())*9/10 {
			t.Errorf("%+v", s)
		}
	})
	if s := l.Info(l.at).Storage; s.Values > 0 {
		t.Errorf("%d values outlive their lives", s.Values)
	}
}

func TestAFloodOfListens(t *testing.T) {
	l := flooded(t, listenersBound+nodesBound, func(l *lone, c crowd) {
		key := c.id()
		for i := range flood() {
			from := c.addr()
			query := value.Query{Where: []value.Condition{value.WhereID(uint64(i) + 1)}}
			m := wire.Message{Method: wire.Listen, TID: uint32(i), ID: c.id(), Key: key, SID: uint32(i), Version: 1}
			m.Token = l.tokens.Append(nil, l.at, from)
			if i%2 == 0 {
				m.Query = query.Append(nil)
			}
			if i%4 != 0 {
				m.Key = c.id()
			}
			l.cast(from, &m)
		}
		if s := l.Info(l.at).Storage; s.ListenerBytes > 4<<20 || s.Listeners == 0 {
			t.Errorf("%+v", s)
		}
	})
	if s := l.Info(l.at).Storage; s.Listeners > 0 || s.Keys > 0 {
		t.Errorf("%d listeners and %d keys outlive their lives", s.Listeners, s.Keys)
	}
}

// One key, five hundred listeners that do not answer: each put is a push to all
// of them, kept to be repeated.
func TestAFloodOfPushes(t *testing.T) {
	for _, size := range []int{10, 60000} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			const bound = maxPushBytes + maxPushes*2048
			l := flooded(t, bound+storeBound+nodesBound, func(l *lone, c crowd) { l.pushTo512(t, c, size) })
			if l.pushing != (pushing{}) {
				t.Errorf("%+v still wait", l.pushing)
			}
		})
	}
}

func (l *lone) pushTo512(t *testing.T, c crowd, size int) {
	key := l.id // nobody is closer
	for i := range 512 {
		from := c.addr()
		m := wire.Message{Method: wire.Listen, TID: uint32(i), ID: c.id(), Key: key, SID: uint32(i) + 1, Version: 1}
		m.Token = l.tokens.Append(nil, l.at, from)
		l.cast(from, &m)
	}
	for i := range 20 {
		v := value.Value{ID: uint64(i) + 1, Data: make([]byte, size)}
		if sent := l.putFrom(c.addr(), c.id(), key, v.Append(nil)); len(sent) < 512 {
			t.Fatalf("%d datagrams to 512 listeners", len(sent))
		}
		l.sent = nil
	}
	if l.pushing.bytes > maxPushBytes || l.pushing.count > maxPushes || len(l.requests.byTID) > maxPushes+100 {
		t.Errorf("%d pushes with %d bytes wait, and %d requests", l.pushing.count, l.pushing.bytes, len(l.requests.byTID))
	}
}

func TestAFloodOfFirstParts(t *testing.T) {
	const bound = 8 << 20
	l := flooded(t, bound+nodesBound, func(l *lone, c crowd) {
		for i := range flood() {
			from := c.addr()
			m := wire.Message{Method: wire.Put, TID: uint32(i), ID: c.id(), Key: c.id(), Values: []wire.Value{{Size: 65000}}}
			if i%2 == 0 {
				m.Token = l.tokens.Append(nil, l.at, from)
			} else {
				m.Token = make([]byte, 32)
			}
			l.cast(from, &m)
			part := wire.Message{Kind: wire.Part, TID: uint32(i)}
			l.handle(from, part.AppendPart(nil, wire.Slice{Offset: 1280, Data: make([]byte, 1280)}))
		}
		if _, bytes := l.parts.Pending(); bytes > bound || bytes == 0 {
			t.Errorf("%d bytes wait for more", bytes)
		}
	})
	if n, bytes := l.parts.Pending(); n > 0 || bytes > 0 {
		t.Errorf("%d messages of %d bytes still wait", n, bytes)
	}
}

func TestAFloodOfProvenAddresses(t *testing.T) {
	flooded(t, 2<<20+nodesBound, func(l *lone, c crowd) {
		for i := range flood() {
			from := c.addr()
			m := wire.Message{Method: wire.Refresh, TID: uint32(i), ID: c.id(), Key: c.id(), VID: 1}
			m.Token = l.tokens.Append(nil, l.at, from)
			l.cast(from, &m)
			if len(l.proven.young) > maxProven || len(l.proven.old) > maxProven {
				t.Fatalf("%d and %d addresses are remembered", len(l.proven.young), len(l.proven.old))
			}
		}
	})
}
