package engine

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// hostile is a node that does what it can to be noticed, and answers requests with
// lies: it keeps no values, and names whom it likes.
type hostile struct {
	id     infohash.Hash
	rng    *rand.Rand
	lies   lies
	greets []netip.AddrPort // nodes to make itself known to
	next   time.Time
	m      wire.Message
	out    []datagram
}

// lies is how hostile nodes answer.
type lies struct {
	mute    bool                              // they answer nothing but pings
	name    func(target infohash.Hash) []byte // nodes to name, as replies carry them
	values  []wire.Value                      // what they say they have at every key
	refuses bool                              // they admit that they do not store and push
}

// Handle implements simnet.Node.
func (h *hostile) Handle(_ time.Time, from netip.AddrPort, p []byte) {
	if h.m.Parse(p) != nil || h.m.Kind != wire.Request || h.lies.mute && h.m.Method != wire.Ping {
		return
	}
	reply := wire.Message{Kind: wire.Reply, TID: h.m.TID, ID: h.id, Addr: from.Addr(), VID: h.m.VID}
	switch h.m.Method {
	case wire.Find, wire.Get:
		if h.lies.name != nil {
			reply.Nodes4 = h.lies.name(h.m.Key)
		}
		if h.m.Method == wire.Get && h.m.Query == nil {
			reply.Values = h.lies.values
		}
		reply.Token = []byte("believe me")
	case wire.Put, wire.Refresh, wire.Listen:
		if h.lies.refuses {
			reply.Kind, reply.Code = wire.Error, 500
		}
		reply.Token = []byte("believe me")
	}
	h.out = append(h.out, datagram{to: from, data: reply.Append(nil)})
}

// Tick implements simnet.Node: every half a minute it calls on its victims.
func (h *hostile) Tick(now time.Time) {
	h.next = now.Add(30 * time.Second)
	for _, to := range h.greets {
		m := wire.Message{Kind: wire.Request, Method: wire.Find, TID: h.rng.Uint32(), ID: h.id, Key: h.id}
		h.out = append(h.out, datagram{to: to, data: m.Append(nil)})
	}
}

// NextDeadline implements simnet.Node.
func (h *hostile) NextDeadline() time.Time { return h.next }

// Drain implements simnet.Node.
func (h *hostile) Drain(send func(to netip.AddrPort, p []byte)) {
	for _, g := range h.out {
		send(g.to, g.data)
	}
	h.out = h.out[:0]
}

// invade runs a hostile node at an address, known to up to n of the swarm.
func (s *swarm) invade(addr netip.AddrPort, id infohash.Hash, n int, l lies) {
	x := &hostile{id: id, rng: s.rng, lies: l, next: s.sim.Now()}
	for _, i := range s.rng.Perm(len(s.hosts))[:n] {
		x.greets = append(x.greets, s.hosts[i].Addr())
	}
	s.sim.NewHost(addr).Start(x)
}

// near returns an id that shares all but the last 8 bytes with key.
func near(key infohash.Hash, n uint64) infohash.Hash {
	binary.BigEndian.PutUint64(key[12:], binary.BigEndian.Uint64(key[12:])^n)
	return key
}

// lookups gets every key from many nodes and returns how many of the gets find
// what was put there, and the longest that one takes.
func (s *swarm) lookups(keys, each int) (right, all int, slowest time.Duration) {
	for k := range keys {
		for _, i := range s.rng.Perm(len(s.nodes))[:each] {
			found, took := s.get(i, key(k))
			if found == 1 {
				right++
			}
			all++
			slowest = max(slowest, took)
		}
	}
	return right, all, slowest
}

func (s *swarm) expectRight(share float64, keys, each int) {
	s.t.Helper()
	right, all, slowest := s.lookups(keys, each)
	s.t.Logf("%d of %d lookups are right, the slowest takes %v", right, all, slowest)
	if float64(right) < share*float64(all) {
		s.t.Errorf("%d of %d lookups are right, want %.0f %%", right, all, 100*share)
	}
}

// putAll puts one value at each key, from nodes that take no part in lookups
// otherwise than the others do.
func (s *swarm) putAll(keys int) {
	for k := range keys {
		s.put(s.rng.IntN(len(s.nodes)), key(k), &value.Value{ID: 1, Data: []byte("value")}, false)
	}
	s.sim.Run(20 * time.Second)
}

// Whoever owns one network and sits closer to a key than all honest nodes
// neither hides the values there nor keeps others from putting them.
func TestOneNetworkCannotSurroundAKey(t *testing.T) {
	const size, keys, sybils = 100, 3, 64
	for _, when := range []string{"before the put", "after the put"} {
		t.Run(when, func(t *testing.T) {
			s := newSwarm(t, 21, size, simnet.Link{Latency: 20 * time.Millisecond})
			if when == "after the put" {
				s.putAll(keys)
			}
			for k := range keys {
				var named []byte
				for i := range sybils {
					named = wire.AppendNode(named, near(key(k), uint64(i)+1), sybilAddr(k, i))
				}
				name := func(infohash.Hash) []byte {
					i := s.rng.IntN(sybils - 7)
					return named[26*i : 26*(i+8)]
				}
				for i := range sybils {
					s.invade(sybilAddr(k, i), near(key(k), uint64(i)+1), size/2, lies{name: name})
				}
			}
			s.sim.Run(2 * time.Minute)
			if when == "before the put" {
				s.putAll(keys)
			}
			s.expectRight(0.95, keys, 40)
		})
	}
}

// sybilAddr returns one of the addresses of a hostile /24.
func sybilAddr(network, i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{99, 9, byte(network), byte(i + 1)}), 4222)
}

func TestHostileNodesAreNoticed(t *testing.T) {
	// The tests above say something only if hostile nodes get into the tables.
	s := newSwarm(t, 23, 30, simnet.Link{Latency: 20 * time.Millisecond})
	id := infohash.SumString("hostile")
	s.invade(sybilAddr(0, 0), id, 30, lies{})
	s.sim.Run(2 * time.Minute)
	known := 0
	for i := range s.nodes {
		for _, n := range s.nodes[i].families[0].table.Export(s.hosts[i].Now(), nil) {
			if n.ID == id {
				known++
			}
		}
	}
	if known < 15 {
		t.Errorf("only %d of 30 nodes have the hostile one in their tables", known)
	}
}
