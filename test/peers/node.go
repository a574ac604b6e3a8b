package peers

import (
	"context"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/test/netns"
)

// NodeKind is an implementation of a stand-alone node, with dhtnode's flags.
type NodeKind struct {
	Name    string
	command func(t testing.TB) []string
	running *regexp.Regexp // of its output: node id and port
}

var (
	// DHTNode is dhtnode.
	DHTNode = NodeKind{
		"dhtnode",
		func(t testing.TB) []string { return []string{needProgram(t, "dhtnode", "dhtnode", "dhtnode")} },
		regexp.MustCompile(`OpenDHT node ([0-9a-f]{40}) running on port (\d+)\n`),
	}
	// RollcallNode is rollcall node.
	RollcallNode = NodeKind{
		"rollcall node",
		func(t testing.TB) []string { return []string{buildGo(t, "rollcall/cmd/rollcall"), "node"} },
		regexp.MustCompile(`node ([0-9a-f]{40})\nport (\d+)\n`),
	}
)

// Node is a running node: it stores for others and serves as bootstrap.
type Node struct {
	*Process
	ID   infohash.Hash
	Host *netns.Host
	Port uint16
}

// NodeConfig says how a node starts. The zero value is a network of its own on
// a free port.
type NodeConfig struct {
	Port      uint16         // 0: a free one
	Bootstrap netip.AddrPort // invalid: none
	Network   uint32
	Discovery bool // find others in the local network
}

// Start starts a node and waits until it runs.
func (k NodeKind) Start(t testing.TB, host *netns.Host, config NodeConfig) *Node {
	t.Helper()
	line := k.command(t)
	line = append(line, "-p", strconv.Itoa(int(config.Port)), "-n", strconv.FormatUint(uint64(config.Network), 10))
	if config.Bootstrap.IsValid() {
		line = append(line, "-b", config.Bootstrap.String())
	}
	if config.Discovery {
		line = append(line, "-D")
	}
	cmd := exec.Command(line[0], line[1:]...)
	// dhtnode reads commands, and would end with its input. Wait closes it.
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	n := &Node{Process: startProcess(t, host, k.Name, cmd), Host: host}

	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	err := Eventually(ctx, func() (bool, error) {
		found := k.running.FindStringSubmatch(n.output.String())
		if found == nil {
			return false, n.alive()
		}
		port, err := strconv.ParseUint(found[2], 10, 16)
		if err != nil {
			return false, err
		}
		n.Port = uint16(port)
		n.ID, err = infohash.Parse(found[1])
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("%s does not start: %v", k.Name, err)
	}
	return n
}

// Addr returns the node's address.
func (n *Node) Addr() netip.AddrPort { return n.Host.AddrPort(n.Port) }
