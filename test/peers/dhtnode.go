package peers

import (
	"context"
	"io"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/test/netns"
)

// DHTNode is a running dhtnode: it stores for others and serves as bootstrap.
type DHTNode struct {
	*Process
	ID   infohash.Hash
	Host *netns.Host
	Port uint16

	input io.Closer
}

// NodeConfig says how a node starts. The zero value is a network of its own on
// a free port.
type NodeConfig struct {
	Port      uint16         // 0: a free one
	Bootstrap netip.AddrPort // invalid: none
	Network   uint32
	Verbose   bool // log every message
}

var nodeRunning = regexp.MustCompile(`OpenDHT node ([0-9a-f]{40}) running on port (\d+)`)

// StartDHTNode starts a dhtnode and waits until it runs.
func StartDHTNode(t testing.TB, host *netns.Host, config NodeConfig) *DHTNode {
	t.Helper()
	program := needProgram(t, "dhtnode", "dhtnode", "dhtnode")
	args := []string{"-p", strconv.Itoa(int(config.Port)), "-n", strconv.FormatUint(uint64(config.Network), 10)}
	if config.Bootstrap.IsValid() {
		args = append(args, "-b", config.Bootstrap.String())
	}
	if config.Verbose {
		args = append(args, "-v")
	}
	cmd := exec.Command(program, args...)
	// It reads commands and ends with its input.
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	n := &DHTNode{Process: startProcess(t, host, "dhtnode", cmd), Host: host, input: input}

	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	err = Eventually(ctx, func() (bool, error) {
		found := nodeRunning.FindStringSubmatch(n.output.String())
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
		t.Fatalf("dhtnode does not start: %v", err)
	}
	return n
}

// Addr returns the node's address.
func (n *DHTNode) Addr() netip.AddrPort { return n.Host.AddrPort(n.Port) }

// Stop lets the node leave cleanly.
func (n *DHTNode) Stop() error { return n.stop(n.input.Close()) }
