package engine

import (
	"fmt"
	"slices"
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

// leaseLife is the lease of the values in the tests of leases.
const leaseLife = time.Minute

// lease puts a value that ends after leaseLife.
func (s *swarm) lease(from, k int, id uint64) {
	s.do(from, func(e *Engine, now time.Time) OpID {
		return e.Put(now, Put{
			Key: key(k), Value: &value.Value{ID: id, Data: []byte("lease")},
			Created: now.Add(leaseLife - value.DefaultLife),
		})
	})
}

// keyWith returns the next key after k of whose eight closest nodes so many have a
// wrong clock.
func (s *swarm) keyWith(k, wrong int) int {
	for k++; ; k++ {
		nodes := slices.Clone(s.nodes)
		slices.SortFunc(nodes, func(a, b *simNode) int { return key(k).CompareDistance(a.id, b.id) })
		count := 0
		for _, n := range nodes[:8] {
			if slices.Index(s.nodes, n)%5 == 0 {
				count++
			}
		}
		if count == wrong {
			return k
		}
	}
}

// A lease ends in time for those who listen, and not earlier, although some of the
// nodes that store it have clocks that are wrong by an hour.
func TestALeaseEndsInSpiteOfWrongClocks(t *testing.T) {
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		for _, wrong := range []int{1, 2} {
			t.Run(fmt.Sprintf("%d by %v", wrong, off), func(t *testing.T) {
				t.Parallel()
				const size, keys = 40, 10
				s := withWrongClocks(t, size, off)
				listens := make(map[int]OpID)
				k := 0
				for i := range keys {
					k = s.keyWith(k, wrong)
					listens[i] = s.do(5*(i%8)+1, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(k), value.Query{}) })
					s.lease(5*(i%8)+2, k, 1)
				}
				expect := func(when string, kind EffectKind) {
					for i := range keys {
						got := s.nodes[5*(i%8)+1].take(listens[i])
						if kind == 0 && len(got) > 0 || kind != 0 && (len(got) != 1 || got[0].Kind != kind) {
							t.Errorf("%s: listen %d has %d reports: %+v", when, i, len(got), got)
						}
					}
				}
				s.sim.Run(leaseLife - 2*time.Second)
				expect("before the end", Found)
				s.sim.Run(5 * time.Second)
				expect("at the end", Lost)
				s.sim.Run(15 * time.Minute)
				expect("after the end", 0)
			})
		}
	}
}

// follower keeps count of the values that a listen has reported and not taken back.
type follower struct {
	node, there int
	op          OpID
}

func (s *swarm) follow(node, k int) *follower {
	return &follower{node: node, op: s.do(node, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(k), value.Query{}) })}
}

// least returns the smallest count of all times since the last call.
func (f *follower) least(s *swarm) int {
	least := f.there
	for _, x := range s.nodes[f.node].take(f.op) {
		if x.Kind == Found {
			f.there++
		} else {
			f.there--
		}
		least = min(least, f.there)
	}
	return least
}

// Somebody renews a lease every 20 s until it is left to end. A listener whose own
// machine jumps in time or sleeps is told of neither too much nor too little.
func TestAListenerLosesItsTime(t *testing.T) {
	for name, upset := range map[string]func(s *swarm, h *simnet.Host, renew func(time.Duration)){
		"an hour forward": func(_ *swarm, h *simnet.Host, _ func(time.Duration)) { h.SetClock(time.Hour) },
		"an hour back":    func(_ *swarm, h *simnet.Host, _ func(time.Duration)) { h.SetClock(-time.Hour) },
		"asleep for 10 minutes": func(_ *swarm, h *simnet.Host, renew func(time.Duration)) {
			h.Sleep()
			renew(10 * time.Minute)
			h.Wake()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size, listener, publisher = 40, 7, 8
			s := newSwarm(t, 33, size, simnet.Link{Latency: 50 * time.Millisecond, Loss: 0.02})
			id := uint64(0)
			renew := func(d time.Duration) {
				for ; d > 0; d -= 20 * time.Second {
					id++
					s.lease(publisher, 1, id)
					s.sim.Run(20 * time.Second)
				}
			}
			f := s.follow(listener, 1)
			renew(2 * time.Minute)
			f.least(s)
			upset(s, s.hosts[listener], renew)
			renew(3 * time.Minute)
			if least := f.least(s); least < 1 {
				t.Errorf("%d values were there meanwhile", least)
			}
			s.sim.Run(leaseLife + 5*time.Second - 20*time.Second)
			if f.least(s); f.there != 0 {
				t.Errorf("%d values are there after the last lease", f.there)
			}
		})
	}
}

// A lease that ends while the listener sleeps is told of when it wakes.
func TestALeaseEndsInSleep(t *testing.T) {
	const size, listener, publisher = 40, 7, 8
	s := newSwarm(t, 35, size, simnet.Link{Latency: 50 * time.Millisecond})
	f := s.follow(listener, 1)
	s.lease(publisher, 1, 1)
	s.sim.Run(20 * time.Second)
	if f.least(s); f.there != 1 {
		t.Fatalf("%d values are there", f.there)
	}
	s.hosts[listener].Sleep()
	s.sim.Run(2 * time.Minute)
	s.hosts[listener].Wake()
	s.sim.Run(5 * time.Second)
	if f.least(s); f.there != 0 {
		t.Errorf("%d values are there 5 s after it woke", f.there)
	}
}

// What a machine stores for others does not outlive its sleep.
func TestALeaseEndsInTheSleepOfThoseWhoStoreIt(t *testing.T) {
	const size, publisher = 12, 8
	s := newSwarm(t, 37, size, simnet.Link{Latency: 50 * time.Millisecond})
	s.lease(publisher, 1, 1)
	s.sim.Run(20 * time.Second)
	if found, _ := s.get(1, key(1)); found != 1 {
		t.Fatalf("found %d values", found)
	}
	for _, h := range s.hosts {
		h.Sleep()
	}
	s.sim.Run(2 * time.Minute)
	for _, h := range s.hosts {
		h.Wake()
	}
	s.sim.Run(5 * time.Second)
	if found, _ := s.get(1, key(1)); found != 0 {
		t.Errorf("found %d values after its end", found)
	}
}

// Machines that were asleep for an hour, and one whose clock was set, are on the
// network at once, and what is put for good is found.
func TestAnHourIsLost(t *testing.T) {
	for name, lose := range map[string]func(s *swarm, h []*simnet.Host){
		"asleep": func(s *swarm, hosts []*simnet.Host) {
			for _, h := range hosts {
				h.Sleep()
			}
			s.sim.Run(time.Hour)
			for _, h := range hosts {
				h.Wake()
			}
		},
		"set": func(_ *swarm, hosts []*simnet.Host) {
			for i, h := range hosts {
				h.SetClock(time.Duration(2*(i%2)-1) * time.Hour)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size, keys = 40, 8
			s := newSwarm(t, 32, size, simnet.Link{Latency: 20 * time.Millisecond})
			s.publishers(keys)
			var upset []*simnet.Host
			for i := 0; i < size; i += 4 {
				upset = append(upset, s.hosts[i])
			}
			lose(s, upset)
			s.sim.Run(time.Minute)
			s.countFound(keys)
			for i := 0; i < size; i += 4 {
				if status := s.nodes[i].Status(); status != Connected {
					t.Errorf("node %d is %v a minute after", i, status)
				}
				if good := s.nodes[i].Info(s.hosts[i].Now()).Families[0].Nodes.Good; good < closestNodes {
					t.Errorf("node %d has %d good nodes a minute after", i, good)
				}
			}
		})
	}
}
