package suite

import (
	"context"
	"fmt"

	"rollcall/bench/load"
	"rollcall/bench/report"
	"rollcall/bench/server"
)

// PingPong is B2 at the level of the wire: a put, its notification, the next put,
// at 1 and at 16 keys, with and without other nodes around the server.
func (s *Suite) PingPong(ctx context.Context) error {
	for round := range s.Rounds {
		for _, neighbours := range []int{0, 8, 64} {
			for _, keys := range []int{1, 16} {
				for _, p := range turn(s.Nodes, round) {
					err := s.pingPong(ctx, p, neighbours, keys, round)
					if err := s.note(ctx, p, "put and notification", err); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func (s *Suite) pingPong(ctx context.Context, p server.Program, neighbours, keys, round int) error {
	st, err := s.open(ctx, p, neighbours)
	if err != nil {
		return err
	}
	defer st.close()
	before, _, err := cpuOf(st.process)
	if err != nil {
		return err
	}
	result, err := load.PingPong(st.session, keys, s.Exchanges, 10*s.Cell)
	if err != nil {
		return err
	}
	after, _, err := cpuOf(st.process)
	if err != nil {
		return err
	}
	s.record(report.Record{
		Bench: "pingpong", Case: fmt.Sprintf("%d other nodes", neighbours), Program: p.Name, Window: keys, Round: round,
		Figures: map[string]float64{
			"rate":     float64(result.Done) / result.Elapsed.Seconds(),
			"cpu_us":   micros(after-before) / float64(result.Done),
			"p50_us":   micros(result.Latency.Quantile(0.5)),
			"p99_us":   micros(result.Latency.Quantile(0.99)),
			"repeated": float64(result.Repeated),
		},
	})
	return nil
}
