package engine

import (
	"testing"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// withWrongClocks returns a swarm in which every fifth node started with a clock
// that is off.
func withWrongClocks(t *testing.T, size int, off time.Duration) *swarm {
	s := newSwarm(t, 31, size, simnet.Link{Latency: 20 * time.Millisecond})
	for i := 0; i < size; i += 5 {
		s.hosts[i].Stop()
		s.hosts[i].SetClock(off)
		s.start(i)
		s.sim.Run(time.Second)
	}
	s.sim.Run(2 * time.Minute)
	return s
}

func TestWrongClocksOfStoringNodesHideNothing(t *testing.T) {
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			const size, keys = 40, 8
			s := withWrongClocks(t, size, off)
			s.putAll(keys)
			s.expectRight(1, keys, 20)
			s.sim.Run(11 * time.Minute)
			for k := range keys {
				for i := 1; i < size; i += 7 {
					if found, _ := s.get(i, key(k)); found > 0 {
						t.Errorf("key %d: %d values outlive their lives", k, found)
					}
				}
			}
		})
	}
}

// A lease ends for those who listen although the clocks of some storing nodes are
// ahead.
func TestALeaseEndsWithClocksAhead(t *testing.T) {
	const size, keys = 40, 8
	s := withWrongClocks(t, size, time.Hour)
	listens := make([]OpID, keys)
	for k := range keys {
		listens[k] = s.do(5*k+1, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(k), value.Query{}) })
	}
	s.sim.Run(30 * time.Second)
	const lease = time.Minute
	for k := range keys {
		s.do(5*k+2, func(e *Engine, now time.Time) OpID {
			return e.Put(now, Put{Key: key(k), Value: &value.Value{ID: 1, Data: []byte("lease")}, Created: now.Add(lease - value.DefaultLife)})
		})
	}
	s.sim.Run(lease + 10*time.Second)
	for k, op := range listens {
		got := s.nodes[5*k+1].take(op)
		if len(got) != 2 || got[0].Kind != Found || got[1].Kind != Lost {
			t.Errorf("listen %d: %d reports, want found and lost", k, len(got))
		}
	}
}

// A machine that was asleep for an hour finds its way back, and what it stored
// for others has ended meanwhile.
func TestAJumpOfTheClock(t *testing.T) {
	const size, keys = 40, 8
	s := newSwarm(t, 32, size, simnet.Link{Latency: 20 * time.Millisecond})
	s.publishers(keys)
	for i := 0; i < size; i += 4 {
		s.hosts[i].SetClock(time.Hour)
	}
	s.sim.Run(time.Minute)
	s.countFound(keys)
	for i := 0; i < size; i += 4 {
		if status := s.nodes[i].Status(); status != Connected {
			t.Errorf("node %d is %v a minute after the jump", i, status)
		}
		if good := s.nodes[i].Info(s.hosts[i].Now()).Families[0].Nodes.Good; good < closestNodes {
			t.Errorf("node %d has %d good nodes a minute after the jump", i, good)
		}
	}
}
