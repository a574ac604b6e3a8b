package engine

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// meter measures what a node costs that runs in a simulation.
type meter struct {
	*simNode
	wakeups int // moments at which it had something to do
	last    time.Time
	busy    time.Duration
}

func (m *meter) measure(now time.Time, f func()) {
	if !now.Equal(m.last) {
		m.last = now
		m.wakeups++
	}
	start := time.Now()
	f()
	m.busy += time.Since(start)
}

func (m *meter) Handle(now time.Time, from netip.AddrPort, p []byte) {
	m.measure(now, func() { m.simNode.Handle(now, from, p) })
}

func (m *meter) Tick(now time.Time) { m.measure(now, func() { m.simNode.Tick(now) }) }

// What a node costs per second that keeps much, in a network that is otherwise idle. An
// account has four listens, a certificate that is kept, and an announcement that is put
// anew every 36 s. Allocations are those of all nodes and of the simulation.
func BenchmarkIdle(b *testing.B) {
	for _, x := range []struct {
		name                  string
		listens, kept, leases int
	}{
		{name: "1000 listens", listens: 1000},
		{name: "1000 accounts", listens: 4000, kept: 1000, leases: 1000},
	} {
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				s := newSwarm(b, 1, 64, simnet.Link{Latency: 20 * time.Millisecond, Spread: 20 * time.Millisecond})
				m := &meter{simNode: s.nodes[0]}
				for i := range x.listens {
					s.do(0, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(i), value.Query{}) })
					s.sim.Run(10 * time.Millisecond)
				}
				for i := range x.kept {
					s.put(0, key(-i), &value.Value{ID: 1, Data: make([]byte, 1500)}, true)
					s.sim.Run(10 * time.Millisecond)
				}
				s.hosts[0].Start(m)
				m.lease(s, x.leases, 2*time.Minute)
				*m = meter{simNode: m.simNode}
				before, allocs := m.stats, mallocs()
				const minutes = 2
				m.lease(s, x.leases, minutes*time.Minute)
				const seconds = 60 * minutes
				b.ReportMetric(float64(m.wakeups)/seconds, "wakeups/s")
				b.ReportMetric(float64(m.stats.Sent.Packets-before.Sent.Packets)/seconds, "packets/s")
				b.ReportMetric(float64(m.busy.Microseconds())/seconds, "µs/s")
				b.ReportMetric(float64(mallocs()-allocs)/seconds, "allocs/s")
			}
		})
	}
}

// lease runs the simulation for a while, in which the node renews each of so many leases
// every 36 s.
func (m *meter) lease(s *swarm, leases int, d time.Duration) {
	if leases == 0 {
		s.sim.Run(d)
		return
	}
	gap := 36 * time.Second / time.Duration(leases)
	for i := range int(d / gap) {
		v := &value.Value{ID: s.rng.Uint64(), Data: make([]byte, 2500)}
		s.hosts[0].Do(func(now time.Time) {
			m.measure(now, func() {
				m.Put(now, Put{Key: key(i % leases), Value: v, Created: now.Add(-9 * time.Minute), Elsewhere: true})
			})
		})
		s.sim.Run(gap)
	}
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// Searches wait together: hundreds of listens wake the process up twice a second.
func TestSearchesWakeUpTogether(t *testing.T) {
	const size, keys = 40, 300
	s := newSwarm(t, 36, size, simnet.Link{Latency: 20 * time.Millisecond})
	for i := range keys {
		s.do(0, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(i), value.Query{}) })
		s.sim.Run(70 * time.Millisecond)
	}
	s.sim.Run(time.Minute)
	before := s.nodes[0].stats.Requests
	m := &meter{simNode: s.nodes[0]}
	s.hosts[0].Start(m)
	s.sim.Run(time.Minute)
	if repeats := s.nodes[0].stats.Requests - before; repeats < 4*keys*60/21 {
		t.Errorf("%d requests in a minute, want each of %d listens repeated at four nodes within 21 s", repeats, keys)
	}
	// With one latency for all, the answers to what left together come together too.
	if m.wakeups > 6*60 {
		t.Errorf("%d wake-ups in a minute", m.wakeups)
	}
}
