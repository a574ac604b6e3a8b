package suite

import (
	"context"
	"slices"
	"time"

	"rollcall/bench/load"
	"rollcall/bench/report"
	"rollcall/bench/server"
)

// warmUp is a short run before the measured one: first allocations, page faults.
const warmUp = 50 * time.Millisecond

// Throughput is the closed loop of B1.
func (s *Suite) Throughput(ctx context.Context) error {
	return s.eachKind(ctx, func(k *kind, p server.Program, round int) error {
		for _, window := range s.Windows {
			if err := s.throughput(ctx, k, p, window, round); err != nil {
				return err
			}
		}
		return nil
	})
}

// Overload is the open loop of B1: twice the rate that a closed loop of 256 got
// from the same program just before.
func (s *Suite) Overload(ctx context.Context) error {
	return s.eachKind(ctx, func(k *kind, p server.Program, round int) error {
		if !k.overload {
			return nil
		}
		return s.overload(ctx, k, p, round)
	})
}

// eachKind calls measure for each round, kind and program that goes with it.
func (s *Suite) eachKind(ctx context.Context, measure func(*kind, server.Program, int) error) error {
	for round := range s.Rounds {
		for i := range kinds {
			k := &kinds[i]
			if len(s.Kinds) > 0 && !slices.Contains(s.Kinds, k.name) {
				continue
			}
			programs := s.Nodes
			if k.echo {
				programs = s.Floors
			}
			for _, p := range turn(programs, round) {
				if err := s.note(ctx, p, k.name, measure(k, p, round)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// prepared is a server that is ready for the requests of one kind.
type prepared struct {
	*stage
	workload *load.Workload
}

func (s *Suite) prepare(ctx context.Context, k *kind, p server.Program) (*prepared, error) {
	st, err := s.open(ctx, p, k.neighbours)
	if err != nil {
		return nil, err
	}
	w, err := k.prepare(s, st.session)
	if err != nil {
		st.close()
		return nil, err
	}
	w.Name = k.name
	return &prepared{st, w}, nil
}

func (s *Suite) throughput(ctx context.Context, k *kind, p server.Program, window, round int) error {
	ready, err := s.prepare(ctx, k, p)
	if err != nil {
		return err
	}
	defer ready.close()
	first := 0
	if ready.workload.Limit == 0 || ready.workload.Limit >= repeatedLimit {
		warm, err := load.Closed(ready.session, ready.workload, window, warmUp, 0)
		if err != nil {
			return err
		}
		first = warm.Sent
	}
	before, own, err := cpuOf(ready.process)
	if err != nil {
		return err
	}
	result, err := load.Closed(ready.session, ready.workload, window, s.Cell, first)
	if err != nil {
		return err
	}
	after, ownAfter, err := cpuOf(ready.process)
	if err != nil {
		return err
	}
	busy := 100 * (after - before).Seconds() / result.Elapsed.Seconds()
	limited := 0.0
	if window == saturation && busy < busyServer {
		limited = 1
	}
	s.record(report.Record{
		Bench: "throughput", Case: k.name, Program: p.Name, Window: window, Round: round,
		Figures: map[string]float64{
			"rate":         result.Rate(),
			"cpu_us":       micros(after-before) / float64(result.Done),
			"generator_us": micros(ownAfter-own) / float64(result.Done),
			"busy":         busy,
			"limited":      limited,
			"p50_us":       micros(result.Latency.Quantile(0.5)),
			"p99_us":       micros(result.Latency.Quantile(0.99)),
			"p999_us":      micros(result.Latency.Quantile(0.999)),
			"loss":         100 * result.Loss(),
			"errors":       float64(result.Errors),
			"bytes":        float64(result.BytesIn) / float64(result.Done),
		},
	})
	return nil
}

// cpuOf returns the processor time of the server and of this process.
func cpuOf(p *server.Process) (theirs, own time.Duration, err error) {
	if theirs, err = server.CPU(p.PID()); err != nil {
		return 0, 0, err
	}
	own, err = server.CPU(0)
	return theirs, own, err
}

const (
	// saturation is how many requests in flight should leave a server no rest.
	saturation = 256
	// busyServer is the CPU time per time, in per cent, that such a server uses at
	// least; with less, something else was the limit.
	busyServer = 85
	// overloaded is how many times the saturation rate an overload offers, and
	// nearlyOverloaded what still counts as one.
	overloaded, nearlyOverloaded = 2, 1.9
)

func (s *Suite) overload(ctx context.Context, k *kind, p server.Program, round int) error {
	ready, err := s.prepare(ctx, k, p)
	if err != nil {
		return err
	}
	limit, err := load.Closed(ready.session, ready.workload, saturation, s.Cell/2, 0)
	ready.close()
	if err != nil {
		return err
	}
	if ready, err = s.prepare(ctx, k, p); err != nil {
		return err
	}
	defer ready.close()
	result, recovery, err := load.Overload(ready.session, ready.workload, overloaded*limit.Rate(), s.Cell, s.Cell)
	if err != nil {
		return err
	}
	offered := float64(result.Sent) / result.Sending.Seconds()
	limited := 0.0
	if offered < nearlyOverloaded*limit.Rate() {
		limited = 1
	}
	s.record(report.Record{
		Bench: "overload", Case: k.name, Program: p.Name, Round: round,
		Figures: map[string]float64{
			"saturation":  limit.Rate(),
			"offered":     offered,
			"limited":     limited,
			"rate":        result.Rate(),
			"loss":        100 * result.Loss(),
			"p50_us":      micros(result.Latency.Quantile(0.5)),
			"p99_us":      micros(result.Latency.Quantile(0.99)),
			"recovery_ms": millis(recovery.Until),
			"slow_probes": float64(recovery.Slow),
		},
	})
	return nil
}
