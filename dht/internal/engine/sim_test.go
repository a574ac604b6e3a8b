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

func TestAThousandNodes(t *testing.T) {
	size := 1000
	if testing.Short() {
		size = 200
	}
	for _, loss := range []float64{0, 0.1, 0.3} {
		t.Run(fmt.Sprintf("loss %.0f%%", loss*100), func(t *testing.T) {
			s := newSwarm(t, 7, size, simnet.Link{Latency: 50 * time.Millisecond, Loss: loss})
			const values = 40
			for i := range values {
				from := s.rng.IntN(size)
				op := s.put(from, key(i), &value.Value{ID: uint64(i) + 1, Data: []byte("value")}, false)
				if !s.sim.Until(time.Minute, func() bool { return s.nodes[from].done(op) }) {
					t.Fatalf("put %d does not end", i)
				}
				for _, x := range s.nodes[from].take(op) {
					if x.Err != nil {
						t.Errorf("put %d: %v", i, x.Err)
					}
				}
			}
			var worst time.Duration
			for i := range values {
				found, took := s.get(s.rng.IntN(size), key(i))
				if found != 1 {
					t.Errorf("key %d: found %d values", i, found)
				}
				worst = max(worst, took)
			}
			t.Logf("slowest get %v, %+v", worst, s.sim.Stats())
		})
	}
}

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	run := func(seed uint64) uint64 {
		s := newSwarm(t, seed, 60, simnet.Link{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.1, Duplicate: 0.02})
		for i := range 10 {
			s.put(s.rng.IntN(60), key(i), &value.Value{ID: 1, Data: []byte("value")}, i%2 == 0)
			s.do(s.rng.IntN(60), func(e *Engine, now time.Time) OpID { return e.Listen(now, key(i), value.Query{}) })
		}
		s.sim.Run(5 * time.Minute)
		return s.sim.Hash()
	}
	a, b, c := run(1), run(1), run(2)
	if a != b {
		t.Errorf("two runs with one seed differ: %x, %x", a, b)
	}
	if a == c {
		t.Errorf("runs with different seeds are the same: %x", a)
	}
}

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

func TestPermanentValuesSurviveChurn(t *testing.T) {
	const size, values = 200, 20
	s := newSwarm(t, 11, size, simnet.Link{Latency: 50 * time.Millisecond, Loss: 0.02})
	s.publishers(values)
	// 85 % of the nodes are replaced within 10 minutes, one after the other; those
	// that publish stay.
	replaced := s.rng.Perm(size - values)[:size*85/100]
	for _, i := range replaced {
		i += values
		s.hosts[i].Stop()
		s.sim.Run(10 * time.Minute / time.Duration(2*len(replaced)))
		s.start(i)
		s.sim.Run(10 * time.Minute / time.Duration(2*len(replaced)))
	}
	s.countFound(values)
}

func TestHalfTheNodesVanishAtOnce(t *testing.T) {
	const size, values = 200, 20
	s := newSwarm(t, 12, size, simnet.Link{Latency: 50 * time.Millisecond})
	s.publishers(values)
	for _, i := range s.rng.Perm(size - values)[:size/2] {
		s.hosts[i+values].Stop()
	}
	s.sim.Run(time.Minute)
	s.countFound(values)
}

func TestAPartitionHeals(t *testing.T) {
	const size, values = 100, 10
	s := newSwarm(t, 13, size, simnet.Link{Latency: 50 * time.Millisecond})
	s.sim.Partition(s.hosts[:size/2])
	s.sim.Run(5 * time.Minute)
	s.publishers(values)
	s.sim.Heal()
	s.sim.Run(15 * time.Minute)
	for i := range values {
		if found, _ := s.get(size-1-i, key(i)); found != 1 {
			t.Errorf("key %d, put on one side of the cut: found %d values from the other", i, found)
		}
	}
}

func TestListenersHearOfEverything(t *testing.T) {
	for _, loss := range []float64{0, 0.1, 0.3} {
		t.Run(fmt.Sprintf("loss %.0f%%", loss*100), func(t *testing.T) {
			const size, keys = 100, 10
			s := newSwarm(t, 34, size, simnet.Link{Latency: 50 * time.Millisecond, Loss: loss})
			listens := make([]OpID, keys)
			for i := range keys {
				listens[i] = s.do(i, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(i), value.Query{}) })
			}
			s.sim.Run(30 * time.Second)
			const lease = time.Minute
			for i := range keys {
				s.do(size-1-i, func(e *Engine, now time.Time) OpID {
					return e.Put(now, Put{Key: key(i), Value: &value.Value{ID: 1, Data: []byte("lease")}, Created: now.Add(lease - value.DefaultLife)})
				})
			}
			s.expectEach(listens, Found, 10*time.Second)
			s.sim.Run(lease - 20*time.Second)
			s.expectNone(listens)
			s.expectEach(listens, Lost, 25*time.Second)
		})
	}
}

// expectEach waits until every listen, those of the first nodes, has reported
// one change of the given kind, and nothing else.
func (s *swarm) expectEach(listens []OpID, kind EffectKind, within time.Duration) {
	s.t.Helper()
	s.sim.Run(within)
	for i, op := range listens {
		got := s.nodes[i].take(op)
		if len(got) != 1 || got[0].Kind != kind {
			s.t.Errorf("listen %d: got %d reports %v, want one of kind %d", i, len(got), got, kind)
		}
	}
}

func (s *swarm) expectNone(listens []OpID) {
	s.t.Helper()
	for i, op := range listens {
		if got := s.nodes[i].take(op); len(got) > 0 {
			s.t.Errorf("listen %d: unexpected %v", i, got)
		}
	}
}

func TestStoredValuesAreHandedOn(t *testing.T) {
	const size, values = 100, 20
	s := newSwarm(t, 15, size, simnet.Link{Latency: 50 * time.Millisecond, Loss: 0.02})
	for i := range values {
		// The value lives for a week; its publisher puts it once and is gone.
		s.do(i, func(e *Engine, now time.Time) OpID {
			return e.Put(now, Put{Key: key(i), Value: &value.Value{ID: 1, Type: value.TypeTrustRequest, Data: []byte("value")}})
		})
	}
	s.sim.Run(30 * time.Second)
	for i := range values {
		s.hosts[i].Stop()
	}
	// All the other nodes are replaced, one after the other, within half an hour.
	for i := values; i < size; i++ {
		s.hosts[i].Stop()
		s.sim.Run(10 * time.Second)
		s.start(i)
		s.sim.Run(10 * time.Second)
	}
	s.sim.Run(time.Minute)
	s.countFound(values)
}
