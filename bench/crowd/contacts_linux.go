package crowd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rollcall/account"
	"rollcall/api/http/client"
	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/contact"
	"rollcall/dht"
	"rollcall/store"
)

// Contacts starts a daemon whose account has very many contacts, on a network of
// its own on loopback. The contacts run in this process. Once all are connected,
// the daemon is measured.
func Contacts(ctx context.Context, cfg Config) ([]report.Record, error) {
	begun := time.Now()
	if err := fill(ctx, cfg.Dir, cfg.Count); err != nil {
		return nil, fmt.Errorf("make contacts: %w", err)
	}
	cfg.Log.Info("contacts are made", "count", cfg.Count, "took", time.Since(begun).Round(time.Second))
	nodes, err := startNetwork(ctx, cfg.Nodes)
	defer closeNodes(nodes)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := fill(ctx, dir, 1); err != nil {
		return nil, fmt.Errorf("make the account: %w", err)
	}
	figures, err := measureContacts(ctx, cfg, dir, nodes)
	if err != nil {
		return nil, err
	}
	return []report.Record{{
		Bench: "daemon contacts", Case: fmt.Sprintf("%d contacts", cfg.Count), Program: server.RollcallName, Figures: figures,
	}}, nil
}

func measureContacts(ctx context.Context, cfg Config, dir string, nodes []*dht.Node) (map[string]float64, error) {
	keys, err := account.LoadKeys(accountDir(dir, 0))
	if err != nil {
		return nil, err
	}
	friends, err := startFriends(ctx, cfg, keys.Device.Account(), nodes)
	defer friends.close()
	if err != nil {
		return nil, fmt.Errorf("start contacts: %w", err)
	}
	cfg.Log.Info("contacts are announced", "count", len(friends))
	if err := befriend(accountDir(dir, 0), friends); err != nil {
		return nil, fmt.Errorf("store contacts: %w", err)
	}
	connected := trial{
		rollcall: cfg.Rollcall, dir: dir, settle: cfg.Settle, idle: cfg.Idle, log: cfg.Log,
		what: "connected", want: cfg.Count, count: countConnected, took: "connected_s",
	}
	return connected.run(ctx, nodes[0].Addrs()[0].String())
}

// befriend stores contacts who have confirmed.
func befriend(dir string, friends friends) error {
	state, err := store.OpenState(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	var saved []contact.Effect
	for _, f := range friends {
		record := contact.Record{Added: now, Confirmed: true}
		saved = append(saved, contact.SaveContact{Peer: f.device.Account(), Contact: contact.Contact{Record: record, Asked: true}})
	}
	return errors.Join(state.Apply(now, saved), state.Close())
}

// countConnected returns how many contacts of the only account are connected.
func countConnected(ctx context.Context, c *client.Client) (int, error) {
	contacts, err := c.Presence(ctx, filepath.Base(accountDir("", 0)))
	connected := 0
	for _, contact := range contacts {
		if contact.Status == "connected" {
			connected++
		}
	}
	return connected, err
}
