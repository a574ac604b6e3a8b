package engine

import (
	"testing"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// replace puts new nodes in the place of some, one after the other, within a time.
func (s *swarm) replace(nodes []int, within time.Duration) {
	pause := within / time.Duration(2*len(nodes))
	for _, i := range nodes {
		s.hosts[i].Stop()
		s.sim.Run(pause)
		s.start(i)
		s.sim.Run(pause)
	}
}

// others returns so many of the nodes from first on, in any order.
func (s *swarm) others(first, count int) []int {
	chosen := s.rng.Perm(len(s.nodes) - first)[:count]
	for i := range chosen {
		chosen[i] += first
	}
	return chosen
}

func TestPermanentValuesSurviveChurn(t *testing.T) {
	t.Parallel()
	const values = 40
	s := newSwarm(t, 11, thousand, simnet.Link{Latency: 50 * time.Millisecond, Loss: 0.02})
	s.publishers(values)
	// Those that publish stay.
	s.replace(s.others(values, thousand*85/100), 10*time.Minute)
	s.countFound(values)
}

func TestHalfTheNodesVanishAtOnce(t *testing.T) {
	t.Parallel()
	const values = 40
	s := newSwarm(t, 12, thousand, simnet.Link{Latency: 50 * time.Millisecond})
	s.publishers(values)
	for _, i := range s.others(values, thousand/2) {
		s.hosts[i].Stop()
	}
	s.sim.Run(time.Minute)
	s.countFound(values)
}

func TestAPartitionHeals(t *testing.T) {
	t.Parallel()
	const values = 20
	s := newSwarm(t, 13, thousand, simnet.Link{Latency: 50 * time.Millisecond})
	s.sim.Partition(s.hosts[:thousand/2])
	s.sim.Run(5 * time.Minute)
	s.publishers(values)
	s.sim.Heal()
	s.sim.Run(6 * time.Minute)
	for i := range values {
		if found, _ := s.get(thousand-1-i, key(i)); found != 1 {
			t.Errorf("key %d, put on one side of the cut: found %d values from the other", i, found)
		}
	}
}

func TestStoredValuesAreHandedOn(t *testing.T) {
	t.Parallel()
	const values = 20
	s := newSwarm(t, 15, thousand, simnet.Link{Latency: 50 * time.Millisecond, Loss: 0.02})
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
	s.replace(s.others(values, thousand-values), 10*time.Minute)
	s.sim.Run(time.Minute)
	s.countFound(values)
}

// A node looks after the values that it keeps: nobody is asked about them because somebody
// has joined.
func TestOwnValuesAreNotHandedOn(t *testing.T) {
	t.Parallel()
	const values = 200
	s := newSwarm(t, 15, 12, simnet.Link{Latency: 50 * time.Millisecond})
	for i := range values {
		s.put(0, key(i), &value.Value{ID: 1, Data: []byte("value")}, true)
	}
	s.hosts, s.nodes = append(s.hosts, s.sim.NewHost()), append(s.nodes, nil)
	s.start(len(s.nodes) - 1)
	r := &s.nodes[0].republish
	if s.sim.Until(time.Minute, func() bool { return len(r.jobs) > 0 }) {
		t.Fatalf("%d nodes are to be asked", len(r.jobs))
	}
	if len(r.joined) > 0 {
		t.Errorf("%d have joined, which nobody has looked at", len(r.joined))
	}
}
