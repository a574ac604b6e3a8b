// Package daemons measures Jami daemons beside each other, over the same D-Bus
// client. Each measurement has fresh processes in a network of its own: a
// dhtnode, and the daemons with a bus and a home directory each.
package daemons

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// Config says what to measure and for how long.
type Config struct {
	Daemons  []Daemon
	Rounds   int
	Accounts int           // new accounts in each round, each on a fresh daemon
	Contacts []int         // numbers of contacts to restart and idle with, rising
	Idle     time.Duration // length of the idle measurement
	Settle   time.Duration // what a daemon has to calm down before
	Patience time.Duration // the longest wait for a dead peer to be seen offline
	Parts    []string      // only these, if any
	Log      *slog.Logger
}

// Daemon is a daemon under test.
type Daemon struct {
	Kind peers.DaemonKind
	// Record is how long its announcements live at most: no dead peer is waited
	// for whose record outlives Patience.
	Record time.Duration
}

// Suite runs the measurements and collects their records.
type Suite struct {
	Config
	Records []report.Record
	Failed  []error // the measurements that did not come about
}

// bootstrapPort is where a network's node is found.
const bootstrapPort = 4222

// part is a measurement of one daemon in one round.
type part struct {
	name  string
	limit time.Duration
	run   func(t *trial, d Daemon, round int) error
}

// Run measures every daemon in every round. Measurements that fail are left out
// and noted; an error means that it has not run to the end.
func (s *Suite) Run(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("the daemons run in network namespaces of their own, which needs root")
	}
	parts := []part{
		{"accounts", time.Duration(1+s.Accounts) * time.Minute, s.accounts},
		{"alone", 10 * time.Minute, s.alone},
		{"two", 5*time.Minute + s.Patience, s.two},
		{"connect", 5 * time.Minute, s.connect},
		{"throughput", 5 * time.Minute, s.throughput},
	}
	if len(s.Parts) > 0 {
		parts = slices.DeleteFunc(parts, func(p part) bool { return !slices.Contains(s.Parts, p.name) })
		if len(parts) != len(s.Parts) {
			return fmt.Errorf("unknown parts among %v", s.Parts)
		}
	}
	for round := range s.Rounds {
		daemons := slices.Clone(s.Daemons)
		if round%2 == 1 {
			slices.Reverse(daemons)
		}
		for _, p := range parts {
			for _, d := range daemons {
				s.measure(ctx, p, d, round)
				if ctx.Err() != nil {
					return fmt.Errorf("stopped: %w", ctx.Err())
				}
			}
		}
	}
	return nil
}

func (s *Suite) measure(ctx context.Context, p part, d Daemon, round int) {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	err := try(ctx, s.Log, func(t *trial) error { return p.run(t, d, round) })
	if err != nil {
		err = fmt.Errorf("%s, %s, round %d: %w", d.Kind.Name, p.name, round, err)
		s.Log.Error("left out", "err", err)
		s.Failed = append(s.Failed, err)
	}
}

func (s *Suite) record(d Daemon, round int, bench, label string, figures map[string]float64) {
	s.Records = append(s.Records, report.Record{
		Bench: bench, Case: label, Program: d.Kind.Name, Round: round, Figures: figures,
	})
	attrs := []any{"case", label, "program", d.Kind.Name, "round", round}
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		attrs = append(attrs, name, fmt.Sprintf("%.4g", figures[name]))
	}
	s.Log.Info(bench, attrs...)
}

// network is a switch with a dhtnode.
type network struct {
	*netns.Network
	node *peers.Node
}

func newNetwork(t *trial) network {
	n := netns.New(t)
	return network{n, peers.DHTNode.Start(t, n.HostIPv4(), peers.NodeConfig{Port: bootstrapPort})}
}

// surround adds nodes, so many that what accounts put is elsewhere than on their own
// nodes, as in a network of any size. It returns when the nodes know each other.
func (n network) surround(t *trial) error {
	const nodes = 24
	host := n.HostIPv4()
	for i := range uint16(nodes) {
		peers.DHTNode.Start(t, host, peers.NodeConfig{Port: bootstrapPort + i, Bootstrap: n.node.Addr()})
	}
	return server.Pause(t.ctx, 3*time.Second)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
