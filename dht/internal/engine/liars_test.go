package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// A fifth of the nodes, all over the network and known to half of the others, are
// hostile. Values put before they came and after, and those listened for, are found
// all the same.
func TestAFifthOfTheNodesAreHostile(t *testing.T) {
	for _, kind := range []string{"silent", "naming nobody", "naming each other", "forging values", "naming ghosts", "ghosts and refusing"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var gets, puts, listens score
			for _, seed := range []uint64{61, 62} {
				s := newSwarm(t, seed, 160, simnet.Link{Latency: 20 * time.Millisecond})
				const keys, each = 9, 8
				s.putValues(0, keys)
				s.infiltrate(kind)
				s.sim.Run(5 * time.Minute)
				s.getValues(&gets, 0, keys, each)
				s.putValues(keys, 2*keys)
				s.getValues(&puts, keys, 2*keys, each)
				s.listenForValues(&listens, 2*keys, 3*keys, each)
			}
			gets.expect(t, "gets", 0.99)
			puts.expect(t, "gets after a put", 0.99)
			listens.expect(t, "listens", 0.99)
		})
	}
}

// score counts what went right.
type score struct{ right, all int }

func (c *score) add(right bool) {
	c.all++
	if right {
		c.right++
	}
}

func (c *score) expect(t *testing.T, what string, share float64) {
	t.Helper()
	t.Logf("%d of %d %s are right", c.right, c.all, what)
	if float64(c.right) < share*float64(c.all) {
		t.Errorf("%d of %d %s are right, want %.0f %%", c.right, c.all, what, 100*share)
	}
}

// putValues puts a value that lives for a week at each of some keys.
func (s *swarm) putValues(from, to int) {
	for k := from; k < to; k++ {
		i := s.rng.IntN(len(s.nodes))
		op := s.put(i, key(k), trueValue(), false)
		if !s.sim.Until(time.Minute, func() bool { return s.nodes[i].done(op) }) {
			s.t.Errorf("key %d: the put does not end", k)
		}
		s.nodes[i].take(op)
	}
}

func trueValue() *value.Value {
	return &value.Value{ID: 1, Type: value.TypeTrustRequest, Data: []byte("true")}
}

// getValues gets each key from some nodes and counts how often the true value is
// found, whatever else is.
func (s *swarm) getValues(c *score, from, to, each int) {
	for k := from; k < to; k++ {
		for _, i := range s.rng.Perm(len(s.nodes))[:each] {
			op := s.do(i, func(e *Engine, now time.Time) OpID { return e.Get(now, key(k), value.Query{}) })
			if !s.sim.Until(time.Minute, func() bool { return s.nodes[i].done(op) }) {
				s.t.Errorf("key %d: the get of node %d does not end", k, i)
			}
			c.add(s.reported(i, op))
		}
	}
}

// listenForValues listens at each key from some nodes, puts the values, and counts
// how many of the listens hear of them.
func (s *swarm) listenForValues(c *score, from, to, each int) {
	type listen struct {
		node int
		op   OpID
	}
	var listens []listen
	for k := from; k < to; k++ {
		for _, i := range s.rng.Perm(len(s.nodes))[:each] {
			op := s.do(i, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(k), value.Query{}) })
			listens = append(listens, listen{i, op})
		}
	}
	s.sim.Run(20 * time.Second)
	s.putValues(from, to)
	s.sim.Run(10 * time.Second)
	for _, l := range listens {
		c.add(s.reported(l.node, l.op))
	}
}

// reported reports whether an operation of node i has found the true value.
func (s *swarm) reported(i int, op OpID) bool {
	return slices.ContainsFunc(s.nodes[i].take(op), func(x Effect) bool {
		return x.Kind == Found && string(x.Value.Data) == "true"
	})
}

// infiltrate adds a quarter as many hostile nodes, each in a network of its own.
func (s *swarm) infiltrate(kind string) {
	liars := make([]infohash.Hash, len(s.nodes)/4)
	for i := range liars {
		for k := range liars[i] {
			liars[i][k] = byte(s.rng.Uint32())
		}
	}
	l := s.liesOf(kind, liars)
	for i, id := range liars {
		s.invade(liarAddr(i), id, len(s.nodes)/2, l)
	}
}

func liarAddr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{98, byte(i), 1, 1}), 4222)
}

func (s *swarm) liesOf(kind string, liars []infohash.Hash) lies {
	eachOther := func(target infohash.Hash) (named []byte) {
		order := s.rng.Perm(len(liars))
		slices.SortFunc(order, func(a, b int) int { return target.CompareDistance(liars[a], liars[b]) })
		for _, i := range order[:8] {
			named = wire.AppendNode(named, liars[i], liarAddr(i))
		}
		return named
	}
	switch kind {
	case "silent":
		return lies{mute: true}
	case "naming nobody":
		return lies{}
	case "naming each other":
		return lies{name: eachOther}
	case "forging values":
		forged := value.Value{ID: 1, Data: []byte("forged")}
		return lies{name: eachOther, values: []wire.Value{{Raw: forged.Append(nil)}}}
	case "naming ghosts":
		return lies{name: s.ghosts}
	case "ghosts and refusing":
		return lies{name: s.ghosts, refuses: true}
	}
	panic(fmt.Sprintf("no such lies: %s", kind))
}

// ghosts names nodes that do not exist, other ones every time, next to the target.
func (s *swarm) ghosts(target infohash.Hash) (named []byte) {
	for range 8 {
		addr := netip.AddrFrom4([4]byte{byte(100 + s.rng.IntN(20)), byte(s.rng.Uint32()), byte(s.rng.Uint32()), 1})
		named = wire.AppendNode(named, near(target, s.rng.Uint64()), netip.AddrPortFrom(addr, 4222))
	}
	return named
}
