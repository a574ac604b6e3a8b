package engine

import (
	"net/netip"
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

// A node with a thousand listens in a network that is otherwise idle: what it costs
// per second to keep them.
func BenchmarkAThousandIdleListens(b *testing.B) {
	for b.Loop() {
		const size, keys = 100, 1000
		s := newSwarm(b, 1, size, simnet.Link{Latency: 20 * time.Millisecond, Spread: 20 * time.Millisecond})
		m := &meter{simNode: s.nodes[0]}
		for i := range keys {
			s.do(0, func(e *Engine, now time.Time) OpID { return e.Listen(now, key(i), value.Query{}) })
			s.sim.Run(10 * time.Millisecond)
		}
		s.sim.Run(5 * time.Minute)
		s.hosts[0].Start(m)
		before := m.stats
		const minutes = 10
		s.sim.Run(minutes * time.Minute)
		const seconds = 60 * minutes
		b.ReportMetric(float64(m.wakeups)/seconds, "wakeups/s")
		b.ReportMetric(float64(m.stats.Sent.Packets-before.Sent.Packets)/seconds, "packets/s")
		b.ReportMetric(float64(m.busy.Microseconds())/seconds, "µs/s")
	}
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
