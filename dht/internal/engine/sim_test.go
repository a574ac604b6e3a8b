package engine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// simNode is an engine as the simulator drives it.
type simNode struct {
	*Engine
	out     Output
	reports []Effect
}

// Drain implements simnet.Node.
func (n *simNode) Drain(send func(to netip.AddrPort, p []byte)) {
	for again := true; again; {
		again = false
		n.Swap(&n.out)
		for _, x := range n.out.Effects {
			switch x.Kind {
			case Send:
				send(x.To, x.Packet)
			case Verify:
				n.Verified(n.now, x.Ticket, value.Verify(x.Value) == nil)
				again = true
			case Found, Lost, Done, Selected:
				n.reports = append(n.reports, x)
			}
		}
	}
}

// take returns and forgets the reports of an operation.
func (n *simNode) take(op OpID) []Effect {
	var taken, rest []Effect
	for _, x := range n.reports {
		if x.Op == op {
			taken = append(taken, x)
		} else {
			rest = append(rest, x)
		}
	}
	n.reports = rest
	return taken
}

// done reports whether an operation has ended.
func (n *simNode) done(op OpID) bool {
	for _, x := range n.reports {
		if x.Op == op && x.Kind == Done {
			return true
		}
	}
	return false
}

// swarm is a simulated network of engines.
type swarm struct {
	t     testing.TB
	sim   *simnet.Sim
	rng   *rand.Rand
	hosts []*simnet.Host
	nodes []*simNode
}

func newSwarm(t testing.TB, seed uint64, size int, link simnet.Link) *swarm {
	s := &swarm{t: t, sim: simnet.NewSim(simnet.Config{Seed: seed}), rng: rand.New(rand.NewPCG(seed, 1))}
	t.Logf("seed %d", seed)
	// The nodes join over clean links: what is tested begins when they have.
	for i := range size {
		s.hosts = append(s.hosts, s.sim.NewHost())
		s.nodes = append(s.nodes, nil)
		s.start(i)
		s.sim.Run(20 * time.Millisecond)
	}
	s.sim.Run(2 * time.Minute)
	s.sim.SetLink(link)
	return s
}

// start runs a new node on host i, which joins by up to three of the others.
func (s *swarm) start(i int) {
	var id infohash.Hash
	var seed [32]byte
	for k := range id {
		id[k] = byte(s.rng.Uint32())
	}
	for k := range seed {
		seed[k] = byte(s.rng.Uint32())
	}
	e, err := New(s.hosts[i].Now(), Config{ID: id, IPv4: true}, rand.New(rand.NewChaCha8(seed)), rand.NewChaCha8(seed))
	if err != nil {
		s.t.Fatal(err)
	}
	s.nodes[i] = &simNode{Engine: e}
	s.hosts[i].Start(s.nodes[i])
	var known []netip.AddrPort
	for range 3 {
		if k := s.rng.IntN(len(s.hosts)); k != i && s.hosts[k].Running() {
			known = append(known, s.hosts[k].Addr())
		}
	}
	s.hosts[i].Do(func(now time.Time) { e.Contact(now, known) })
}

// do starts an operation on node i.
func (s *swarm) do(i int, f func(e *Engine, now time.Time) OpID) (op OpID) {
	s.hosts[i].Do(func(now time.Time) { op = f(s.nodes[i].Engine, now) })
	return op
}

func (s *swarm) put(i int, key infohash.Hash, v *value.Value, permanent bool) OpID {
	return s.do(i, func(e *Engine, now time.Time) OpID {
		return e.Put(now, Put{Key: key, Value: v, Permanent: permanent})
	})
}

// get returns how many values node i finds, and how long it takes.
func (s *swarm) get(i int, key infohash.Hash) (found int, took time.Duration) {
	start := s.sim.Now()
	op := s.do(i, func(e *Engine, now time.Time) OpID { return e.Get(now, key, value.Query{}) })
	if !s.sim.Until(time.Minute, func() bool { return s.nodes[i].done(op) }) {
		s.t.Errorf("node %d: the get does not end", i)
	}
	for _, x := range s.nodes[i].take(op) {
		if x.Kind == Found {
			found++
		}
	}
	return found, s.sim.Now().Sub(start)
}

func key(i int) infohash.Hash { return infohash.SumString(fmt.Sprintf("key %d", i)) }

// publishers keeps permanent values on the network from nodes that stay.
func (s *swarm) publishers(count int) {
	for i := range count {
		s.put(i, key(i), &value.Value{ID: uint64(i) + 1, Data: []byte("value")}, true)
	}
	s.sim.Run(30 * time.Second)
}

// countFound gets every key from random running nodes and returns how many of
// them are found.
func (s *swarm) countFound(count int) (found int) {
	for i := range count {
		from := s.rng.IntN(len(s.nodes))
		for !s.hosts[from].Running() {
			from = s.rng.IntN(len(s.nodes))
		}
		if n, _ := s.get(from, key(i)); n > 0 {
			found++
		} else {
			s.t.Errorf("key %d is lost", i)
		}
	}
	return found
}
