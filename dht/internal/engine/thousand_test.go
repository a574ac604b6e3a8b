package engine

import (
	"fmt"
	"testing"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// thousand is the size of the networks in the simulations.
const thousand = 1000

func TestAThousandNodes(t *testing.T) {
	for _, loss := range []float64{0, 0.1, 0.3} {
		t.Run(fmt.Sprintf("loss %.0f%%", loss*100), func(t *testing.T) {
			t.Parallel()
			s := newSwarm(t, 7, thousand, simnet.Link{Latency: 50 * time.Millisecond, Loss: loss})
			s.putAndGet(40)
			s.listenToLeases(20)
			t.Logf("%+v", s.sim.Stats())
		})
	}
}

// putAndGet puts values from anywhere, one after the other, and finds each from
// anywhere.
func (s *swarm) putAndGet(values int) {
	for i := range values {
		from := s.rng.IntN(len(s.nodes))
		op := s.put(from, key(i), &value.Value{ID: uint64(i) + 1, Data: []byte("value")}, false)
		if !s.sim.Until(time.Minute, func() bool { return s.nodes[from].done(op) }) {
			s.t.Fatalf("put %d does not end", i)
		}
		for _, x := range s.nodes[from].take(op) {
			if x.Err != nil {
				s.t.Errorf("put %d: %v", i, x.Err)
			}
		}
	}
	var worst time.Duration
	for i := range values {
		found, took := s.get(s.rng.IntN(len(s.nodes)), key(i))
		if found != 1 {
			s.t.Errorf("key %d: found %d values", i, found)
		}
		worst = max(worst, took)
	}
	s.t.Logf("slowest get %v", worst)
}

// listenToLeases listens at keys, at each of which a value is put that ends after
// a minute: it is heard of once when it comes and once when it ends.
func (s *swarm) listenToLeases(keys int) {
	const first = 1000 // no key of another part of a test
	listens := make([]OpID, keys)
	for i := range keys {
		listens[i] = s.do(i, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(first+i), value.Query{}) })
	}
	s.sim.Run(30 * time.Second)
	for i := range keys {
		s.lease(len(s.nodes)-1-i, first+i, 1)
	}
	s.expectEach(listens, Found, 10*time.Second)
	s.sim.Run(leaseLife - 20*time.Second)
	s.expectNone(listens)
	s.expectEach(listens, Lost, 25*time.Second)
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

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	var hashes [3]uint64
	t.Run("runs", func(t *testing.T) {
		for i, seed := range []uint64{1, 1, 2} {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				s := newSwarm(t, seed, thousand, simnet.Link{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.1, Duplicate: 0.02})
				for k := range 20 {
					s.put(s.rng.IntN(thousand), key(k), &value.Value{ID: 1, Data: []byte("value")}, k%2 == 0)
					s.do(s.rng.IntN(thousand), func(e *Engine, now time.Time) OpID { return e.Listen(now, key(k), value.Query{}) })
				}
				s.sim.Run(2 * time.Minute)
				hashes[i] = s.sim.Hash()
			})
		}
	})
	if hashes[0] != hashes[1] {
		t.Errorf("two runs with one seed differ: %x, %x", hashes[0], hashes[1])
	}
	if hashes[0] == hashes[2] {
		t.Errorf("runs with different seeds are the same: %x", hashes[0])
	}
}
