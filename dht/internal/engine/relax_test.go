package engine

import (
	"testing"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// A listen that is relaxed costs a third, and as much as before when it is not any more.
// Many that change together are still spread.
func TestARelaxedListenCostsAThird(t *testing.T) {
	const size, keys = 40, 300
	s := newSwarm(t, 37, size, simnet.Link{Latency: 20 * time.Millisecond})
	listens := make([]OpID, keys)
	for i := range keys {
		listens[i] = s.do(0, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(i), value.Query{}) })
		s.sim.Run(70 * time.Millisecond)
	}
	relax := func(relaxed bool) {
		for _, op := range listens {
			s.do(0, func(e *Engine, now time.Time) OpID { e.RelaxListen(now, op, relaxed); return op })
		}
	}
	requests := func(d time.Duration) int {
		before := s.nodes[0].stats.Requests
		s.sim.Run(d)
		return int(s.nodes[0].stats.Requests - before)
	}
	expect := func(repeats int) {
		t.Helper()
		if n := requests(time.Minute); n < repeats*9/10 || n > repeats*5/4 {
			t.Errorf("%d requests in a minute, want some %d", n, repeats)
		}
	}
	s.sim.Run(time.Minute)
	expect(4 * keys * 3)
	relax(true)
	s.sim.Run(20 * time.Second)
	expect(4 * keys)
	relax(false)
	most := 0
	for range 20 {
		most = max(most, requests(time.Second))
	}
	if most > keys*4/2 {
		t.Errorf("%d requests in a second", most)
	}
	expect(4 * keys * 3)
}

// It tells as quickly as others what is new; it takes a minute to notice that all its
// nodes have forgotten it.
func TestARelaxedListenHears(t *testing.T) {
	const size, latency = 8, 20 * time.Millisecond
	s := newSwarm(t, 38, size, simnet.Link{Latency: latency})
	op := s.do(0, func(e *Engine, now time.Time) OpID {
		op := e.Listen(now, key(0), value.Query{})
		e.RelaxListen(now, op, true)
		return op
	})
	s.sim.Run(10 * time.Minute)
	put := func(id uint64) { s.put(1, key(0), &value.Value{ID: id, Data: []byte("news")}, true) }
	heard := func(within time.Duration) (n int) {
		s.sim.Run(within)
		return len(s.nodes[0].take(op))
	}
	put(1)
	if n := heard(10 * latency); n != 1 {
		t.Errorf("%d reports of a new value, want one", n)
	}
	for i := 2; i < size; i++ {
		s.start(i)
	}
	s.sim.Run(time.Second)
	put(2)
	if n := heard(62 * time.Second); n != 1 {
		t.Errorf("%d reports of a value that is put when all others have been started anew, want one", n)
	}
}
