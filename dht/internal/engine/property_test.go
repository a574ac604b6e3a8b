package engine

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// drawLink draws a network that loses, doubles and reorders packets.
func drawLink(rt *rapid.T) simnet.Link {
	share := func(name string, most int) float64 { return float64(rapid.IntRange(0, most).Draw(rt, name)) / 100 }
	return simnet.Link{
		Latency: time.Duration(rapid.IntRange(1, 100).Draw(rt, "latency")) * time.Millisecond,
		Jitter:  time.Duration(rapid.IntRange(0, 50).Draw(rt, "jitter")) * time.Millisecond,
		Loss:    share("loss", 10), Duplicate: share("duplicate", 30), Reorder: share("reorder", 30),
	}
}

// newRing returns a swarm in which everybody has been told of the first node.
func newRing(t *testing.T, rt *rapid.T, size int) *swarm {
	s := newSwarm(t, rapid.Uint64().Draw(rt, "seed"), size, simnet.Link{Latency: time.Millisecond})
	for i := range s.hosts {
		s.hosts[i].Do(func(now time.Time) { s.nodes[i].Contact(now, []netip.AddrPort{s.hosts[0].Addr()}) })
	}
	s.sim.Run(time.Minute)
	s.sim.SetLink(drawLink(rt))
	return s
}

// What a completed put has stored is found by every get that follows within the
// life of the value, whatever the network does to packets.
func TestAGetFindsWhatAPutHasStored(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(5, 14).Draw(rt, "nodes")
		s := newRing(t, rt, size)
		data := make([]byte, rapid.SampledFrom([]int{10, 300, 560}).Draw(rt, "size"))
		from := rapid.IntRange(0, size-1).Draw(rt, "putter")
		op := s.put(from, key(1), &value.Value{ID: 1, Data: data}, rapid.Bool().Draw(rt, "permanent"))
		if !s.sim.Until(time.Minute, func() bool { return s.nodes[from].done(op) }) {
			rt.Fatal("the put does not end")
		}
		if x := s.nodes[from].take(op); x[len(x)-1].Stored == 0 {
			return // it did not complete
		}
		for i := range size {
			if found, _ := s.get(i, key(1)); found != 1 {
				rt.Fatalf("node %d finds %d values", i, found)
			}
		}
	})
}

// A listen reports each value as new and as lost in turns, first as new, and in
// the end what is true.
func TestAListenReportsInTurns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const size = 8
		s := newRing(t, rt, size)
		listen := s.do(0, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(1), value.Query{}) })
		lease := func(e *Engine, now time.Time, id uint64) OpID {
			v := &value.Value{ID: id, Data: []byte("lease")}
			return e.Put(now, Put{Key: key(1), Value: v, Created: now.Add(time.Minute - value.DefaultLife)})
		}
		for range rapid.IntRange(1, 8).Draw(rt, "puts") {
			from, id := rapid.IntRange(1, size-1).Draw(rt, "putter"), rapid.Uint64Range(1, 3).Draw(rt, "id")
			s.do(from, func(e *Engine, now time.Time) OpID { return lease(e, now, id) })
			s.sim.Run(time.Duration(rapid.IntRange(0, 90).Draw(rt, "pause")) * time.Second)
		}
		last := s.do(size-1, func(e *Engine, now time.Time) OpID { return lease(e, now, 9) })
		s.sim.Run(40 * time.Second)
		stored := s.nodes[size-1].done(last)
		there := make(map[uint64]bool)
		check := func() {
			for _, x := range s.nodes[0].take(listen) {
				if there[x.Value.ID] == (x.Kind == Found) {
					rt.Fatalf("value %d is reported twice in the same way: %d", x.Value.ID, x.Kind)
				}
				there[x.Value.ID] = x.Kind == Found
			}
		}
		check()
		if stored && !there[9] {
			rt.Fatal("a value that lives is not reported")
		}
		s.sim.Run(15 * time.Minute)
		check()
		for id, is := range there {
			if is {
				rt.Fatalf("value %d is gone and not reported as lost", id)
			}
		}
	})
}
