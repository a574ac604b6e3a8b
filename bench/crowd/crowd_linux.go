package crowd

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"rollcall/api/http/client"
	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/dht"
)

// Config says what to measure and for how long.
type Config struct {
	Rollcall string        // path of the program
	Dir      string        // of the keys, made if absent and kept
	Count    int           // of accounts, or of contacts
	Lease    time.Duration // of the contacts' announcements, 0: kept alive in place
	Nodes    int           // of the network
	Settle   time.Duration // after the last one is announced, or connected
	Idle     time.Duration // length of the measurement
	Log      *slog.Logger
}

// Accounts starts a daemon with many accounts on a network of its own on loopback, and
// measures it from the start to the end.
func Accounts(ctx context.Context, cfg Config) ([]report.Record, error) {
	begun := time.Now()
	if err := fill(ctx, cfg.Dir, cfg.Count); err != nil {
		return nil, fmt.Errorf("make accounts: %w", err)
	}
	cfg.Log.Info("accounts are made", "count", cfg.Count, "took", time.Since(begun).Round(time.Second))
	nodes, err := startNetwork(ctx, cfg.Nodes)
	defer closeNodes(nodes)
	if err != nil {
		return nil, err
	}
	announced := trial{
		rollcall: cfg.Rollcall, dir: cfg.Dir, settle: cfg.Settle, idle: cfg.Idle, log: cfg.Log,
		what: "announced", want: cfg.Count, count: countAnnounced, took: "announced_s",
	}
	figures, err := announced.run(ctx, nodes[0].Addrs()[0].String())
	if err != nil {
		return nil, err
	}
	return []report.Record{{
		Bench: "daemon accounts", Case: fmt.Sprintf("%d accounts", cfg.Count), Program: server.RollcallName, Figures: figures,
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

func closeNodes(nodes []*dht.Node) {
	for _, node := range nodes {
		node.Close()
	}
}

// countAnnounced returns how many accounts are registered and announced.
func countAnnounced(ctx context.Context, c *client.Client) (int, error) {
	accounts, err := c.Accounts(ctx)
	announced := 0
	for _, a := range accounts {
		if a.State == "REGISTERED" && a.Announced {
			announced++
		}
	}
	return announced, err
}
