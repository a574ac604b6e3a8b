package engine

import (
	"fmt"
	"testing"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// Many values that one node keeps under one key: the time per value must not depend on
// their number.
func BenchmarkPermanentPutsOnOneKey(b *testing.B) {
	for _, count := range []int{500, 1000, 2000, 4000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := newSwarm(b, 1, 12, simnet.Link{Latency: 10 * time.Millisecond})
				b.StartTimer()
				for i := range count {
					s.put(0, key(1), &value.Value{ID: uint64(i) + 1, Data: []byte("value")}, true)
				}
				if !s.sim.Until(10*time.Minute, func() bool { return len(s.nodes[0].reports) == count }) {
					b.Fatalf("%d puts are done", len(s.nodes[0].reports))
				}
				s.sim.Run(20 * time.Minute)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*count), "µs/value")
		})
	}
}
