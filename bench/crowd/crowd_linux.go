package crowd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"time"

	"rollcall/api/http/client"
	"rollcall/api/http/endpoint"
	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/dht"
)

// Config says what to measure and for how long.
type Config struct {
	Rollcall string // path of the program
	Dir      string // of the daemon's data, made if absent and kept
	Accounts int
	Nodes    int           // of the network
	Settle   time.Duration // after the last account is announced
	Idle     time.Duration // length of the measurement
	Log      *slog.Logger
}

// startLimit is how long the accounts may take to be announced.
const startLimit = 10 * time.Minute

// Run starts a daemon with many accounts on a network of its own on loopback, and
// measures it from the start to the end.
func Run(ctx context.Context, cfg Config) ([]report.Record, error) {
	begun := time.Now()
	if err := fill(ctx, cfg.Dir, cfg.Accounts); err != nil {
		return nil, fmt.Errorf("make accounts: %w", err)
	}
	cfg.Log.Info("accounts are made", "count", cfg.Accounts, "took", time.Since(begun).Round(time.Second))
	nodes, err := startNetwork(ctx, cfg.Nodes)
	defer func() {
		for _, node := range nodes {
			node.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, cfg.Rollcall, "daemon", "--data-dir", cfg.Dir, "--bus", "none", "--log-level", "error",
		"--bootstrap", nodes[0].Addrs()[0].String(), "--bind", loopback.String(), "--ipv4")
	cmd.Stderr = os.Stderr
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	figures, err := measure(ctx, cfg, cmd.Process.Pid, started)
	stopping := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, err
	}
	figures["exit_ms"] = float64(time.Since(stopping)) / float64(time.Millisecond)
	return []report.Record{{
		Bench: "daemon accounts", Case: fmt.Sprintf("%d accounts", cfg.Accounts), Program: server.RollcallName, Figures: figures,
	}}, nil
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// startNetwork starts nodes that know each other.
func startNetwork(ctx context.Context, n int) (nodes []*dht.Node, err error) {
	var bootstrap []string
	for range n {
		// All accounts share one address; on a real network the load is on many nodes.
		node, err := dht.Open(ctx, dht.Config{Bind4: loopback, NoIPv6: true, Bootstrap: bootstrap, NoRateLimit: true})
		if err != nil {
			return nodes, err
		}
		nodes = append(nodes, node)
		bootstrap = []string{nodes[0].Addrs()[0].String()}
	}
	for _, node := range nodes[1:] {
		if err := node.WaitConnected(ctx); err != nil {
			return nodes, err
		}
	}
	return nodes, nil
}

func measure(ctx context.Context, cfg Config, pid int, started time.Time) (map[string]float64, error) {
	if err := awaitAccounts(ctx, cfg); err != nil {
		return nil, err
	}
	figures := map[string]float64{"announced_s": time.Since(started).Seconds()}
	startCPU, err := server.CPU(pid)
	if err != nil {
		return nil, err
	}
	figures["start_cpu_s"] = startCPU.Seconds()
	cfg.Log.Info("accounts are announced", "took", time.Since(started).Round(time.Millisecond), "cpu", startCPU.Round(time.Millisecond))
	if err := pause(ctx, cfg.Settle); err != nil {
		return nil, err
	}
	before, err := server.CPU(pid)
	if err != nil {
		return nil, err
	}
	from := time.Now()
	if err := pause(ctx, cfg.Idle); err != nil {
		return nil, err
	}
	after, err := server.CPU(pid)
	if err != nil {
		return nil, err
	}
	figures["cpu"] = 100 * (after - before).Seconds() / time.Since(from).Seconds()
	memory, err := server.ReadMemory(pid)
	if err != nil {
		return nil, err
	}
	const megabyte = 1 << 20
	figures["rss"] = float64(memory.RSS) / megabyte
	figures["each_kb"] = float64(memory.RSS) / 1024 / float64(cfg.Accounts)
	return figures, awaitAccounts(ctx, cfg) // still all there
}

// awaitAccounts waits until all accounts are registered and announced.
func awaitAccounts(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	at, err := endpoint.Parse("", cfg.Dir)
	if err != nil {
		return err
	}
	c, err := client.New(at)
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		accounts, err := c.Accounts(ctx)
		if err != nil && !errors.Is(err, client.ErrNoDaemon) {
			return err
		}
		there := 0
		for _, a := range accounts {
			if a.State == "REGISTERED" && a.Announced {
				there++
			}
		}
		if there == cfg.Accounts {
			return nil
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d accounts are announced: %w", there, cfg.Accounts, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
