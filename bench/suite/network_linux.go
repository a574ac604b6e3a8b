package suite

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/bench/wire"
)

const (
	// joinGap is the time between the starts of two nodes of the network.
	joinGap = 100 * time.Millisecond
	// membership is how long a node stays before it is stopped to start warm: it
	// must have met nodes worth remembering.
	membership = 10 * time.Second
	// askEvery is the pace of the questions for the nodes that a new one knows.
	askEvery = 2 * time.Millisecond
	// answerWait bounds the wait for the answer to one of them.
	answerWait = 20 * time.Millisecond
	// knowTimeout bounds the wait for them.
	knowTimeout = 30 * time.Second
)

// Network is B10 and the idle part of B12: a network of idle nodes of the
// reference, in which the measured ones start, cold and warm, and then idle.
func (s *Suite) Network(ctx context.Context) error {
	// The network runs on the generator's core, the measured nodes on the other.
	var members []*server.Process
	defer func() {
		for _, m := range members {
			m.Kill()
		}
	}()
	core := 1 - min(s.ServerCore, 1)
	bootstrap := ""
	for range s.NetworkSize - len(s.Nodes) {
		m, err := server.Start(ctx, s.Member, server.Options{Bootstrap: bootstrap, Core: core}, probe())
		if err != nil {
			return fmt.Errorf("start a member of the network: %w", err)
		}
		members = append(members, m)
		bootstrap = members[0].Addr.String()
		time.Sleep(joinGap)
	}
	s.Log.Info("network", "nodes", len(members), "settling", s.Settle)
	if err := server.Pause(ctx, s.Settle); err != nil {
		return err
	}
	for round := range s.Rounds {
		for _, p := range turn(s.Nodes, round) {
			if err := s.note(ctx, p, "start", s.startups(ctx, p, bootstrap, round)); err != nil {
				return err
			}
		}
	}
	return s.idle(ctx, bootstrap)
}

// startups starts p with nothing but a bootstrap address, then again with nothing
// but what it has saved.
func (s *Suite) startups(ctx context.Context, p server.Program, bootstrap string, round int) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return fmt.Errorf("make a state directory: %w", err)
	}
	defer os.RemoveAll(dir)
	starts := []struct {
		name string
		o    server.Options
		stay time.Duration
	}{
		{"cold", server.Options{Core: s.ServerCore, StateDir: dir, Bootstrap: bootstrap}, membership},
		{"warm", server.Options{Core: s.ServerCore, StateDir: dir}, 0},
	}
	for _, start := range starts {
		process, err := server.Launch(ctx, p, start.o)
		if err != nil {
			return err
		}
		first, eight, err := acquaintance(process)
		if err == nil {
			err = server.Pause(ctx, start.stay)
		}
		process.Leave()
		if err != nil {
			return fmt.Errorf("%s: %w", start.name, err)
		}
		s.record(report.Record{
			Bench: "start", Case: start.name, Program: p.Name, Round: round,
			Figures: map[string]float64{"first_ms": millis(first), "eight_ms": millis(eight)},
		})
	}
	return nil
}

// acquaintance asks the new process for nodes until it names some, which it does
// once they have answered it, and returns when it named the first and eight. The
// asker is a client that answers nothing, so it is never one of them.
func acquaintance(p *server.Process) (first, eight time.Duration, err error) {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(p.Addr))
	if err != nil {
		return 0, 0, fmt.Errorf("ask for nodes: %w", err)
	}
	defer conn.Close()
	ask, buf := wire.FindAsClient(), make([]byte, 2048)
	for tid := uint32(1); ; tid++ {
		age := time.Since(p.Started)
		if age > knowTimeout {
			return 0, 0, fmt.Errorf("knows too few nodes after %v", knowTimeout)
		}
		// Until the port is bound this fails with "connection refused".
		_, _ = conn.Write(ask.Append(nil, &wire.Fields{TID: tid, Node: scatter(1 << 42), Key: scatter(uint64(tid))}))
		if err := conn.SetReadDeadline(time.Now().Add(answerWait)); err != nil {
			return 0, 0, fmt.Errorf("ask for nodes: %w", err)
		}
		n, err := conn.Read(buf)
		time.Sleep(askEvery)
		if err != nil {
			continue
		}
		m, _ := wire.Parse(buf[:n])
		if m.Nodes > 0 && first == 0 {
			first = time.Since(p.Started)
		}
		if m.Nodes >= knownNodes {
			return first, time.Since(p.Started), nil
		}
	}
}

// idle measures the programs at the same time, all in the same network.
func (s *Suite) idle(ctx context.Context, bootstrap string) error {
	processes := make([]*server.Process, len(s.Nodes))
	for i, p := range s.Nodes {
		process, err := server.Start(ctx, p, server.Options{Core: s.ServerCore, Bootstrap: bootstrap}, probe())
		if err != nil {
			return err
		}
		defer process.Kill()
		processes[i] = process
	}
	if err := server.Pause(ctx, s.Settle); err != nil {
		return err
	}
	for round := range s.Rounds {
		if err := s.idleRound(ctx, processes, round); err != nil {
			return err
		}
	}
	return nil
}

type usage struct {
	cpu     time.Duration
	wakeups int64
}

func usageOf(p *server.Process) (u usage, err error) {
	if u.cpu, err = server.CPU(p.PID()); err != nil {
		return u, err
	}
	u.wakeups, err = server.Wakeups(p.PID())
	return u, err
}

func (s *Suite) idleRound(ctx context.Context, processes []*server.Process, round int) error {
	before := make([]usage, len(processes))
	for i, p := range processes {
		var err error
		if before[i], err = usageOf(p); err != nil {
			return err
		}
	}
	start := time.Now()
	if err := server.Pause(ctx, s.Idle); err != nil {
		return err
	}
	for i, p := range processes {
		after, err := usageOf(p)
		if err != nil {
			return err
		}
		memory, err := server.ReadMemory(p.PID())
		if err != nil {
			return err
		}
		seconds := time.Since(start).Seconds()
		s.record(report.Record{
			Bench: "idle", Case: fmt.Sprintf("network of %d", s.NetworkSize), Program: s.Nodes[i].Name, Round: round,
			Figures: map[string]float64{
				"cpu":     100 * (after.cpu - before[i].cpu).Seconds() / seconds,
				"wakeups": float64(after.wakeups-before[i].wakeups) / seconds,
				"rss":     megabytes(memory.RSS),
				"pss":     megabytes(memory.PSS),
				"anon":    megabytes(memory.Anon),
			},
		})
	}
	return nil
}
