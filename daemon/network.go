package daemon

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/internal/atomicfile"
)

// network is a network that accounts are on, with the node that they share.
type network struct {
	bootstrap []string
	node      *dht.Node
	users     int // accounts and calls; guarded by the daemon's lock
}

// bootstrap returns the nodes that an account joins by, sorted.
func (d *Daemon) bootstrap(hostname string) []string {
	names := splitBootstrap(hostname)
	if len(d.cfg.Bootstrap) > 0 && (len(names) == 0 || slices.Equal(names, []string{publicBootstrap})) {
		names = slices.Clone(d.cfg.Bootstrap)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// join returns the network of the given nodes, with a node of ours on it. Every
// join is followed by a leave.
func (d *Daemon) join(bootstrap []string) (*network, error) {
	key := strings.Join(bootstrap, ";")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrClosed
	}
	if n := d.networks[key]; n != nil {
		n.users++
		return n, nil
	}
	cfg := d.cfg.Node
	cfg.Bootstrap, cfg.Network, cfg.Logger = bootstrap, d.cfg.Network, d.log
	cfg.StateFile = filepath.Join(d.cfg.DataDir, nodesDir, infohash.SumString(key).String()[:16])
	if len(d.networks) > 0 {
		cfg.Port = 0 // that of the configuration is taken
	}
	node, err := openNode(cfg)
	if err != nil {
		return nil, err
	}
	if err := savePort(cfg, node.Port()); err != nil {
		d.log.Warn("port not kept", "err", err)
	}
	n := &network{bootstrap: bootstrap, node: node, users: 1}
	d.networks[key] = n
	return n, nil
}

// portSuffix is that of the file, beside the nodes of a network, with our last
// port: at it others still know us, and routers still let them through.
const portSuffix = ".port"

// openNode starts a node on the port of its configuration, else on its last one,
// else on any.
func openNode(cfg dht.Config) (*dht.Node, error) {
	if cfg.Port == 0 {
		b, _ := os.ReadFile(cfg.StateFile + portSuffix) // without it any port is as good
		if port, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 16); err == nil && port > 0 {
			last := cfg
			last.Port = uint16(port)
			if node, err := dht.Open(context.Background(), last); err == nil {
				return node, nil
			}
		}
	}
	return dht.Open(context.Background(), cfg)
}

func savePort(cfg dht.Config, port uint16) error {
	path, line := cfg.StateFile+portSuffix, fmt.Appendln(nil, port)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, line) {
		return nil // as at most starts, which then need not wait for the disk
	}
	return atomicfile.Write(path, line, 0o600)
}

// leave ends one use of a network; with the last its node is closed.
func (d *Daemon) leave(n *network) {
	d.mu.Lock()
	n.users--
	last := n.users == 0
	if last {
		delete(d.networks, strings.Join(n.bootstrap, ";"))
	}
	d.mu.Unlock()
	if !last {
		return
	}
	if err := n.node.Close(); err != nil {
		d.log.Warn("node", "err", err)
	}
}

// ConnectivityChanged tells that the machine's network has changed.
func (d *Daemon) ConnectivityChanged() {
	d.mu.Lock()
	var nodes []*dht.Node
	for _, n := range d.networks {
		nodes = append(nodes, n.node)
	}
	all := d.hostedLocked()
	d.mu.Unlock()
	for _, node := range nodes {
		node.ConnectivityChanged()
	}
	d.ports.NetworkChanged()
	for _, h := range all {
		a, err := h.running()
		if err != nil {
			continue
		}
		if h.ways != nil {
			h.ways.NetworkChanged()
		}
		a.NetworkChanged()
	}
}
