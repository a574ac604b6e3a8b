// Package dhttest has a network for tests of what is built on the DHT.
package dhttest

import (
	"net/netip"
	"testing"

	"rollcall/dht"
)

// Network opens the nodes of a network of its own on loopback, which know each
// other, until the end of the test.
func Network(tb testing.TB, size int) []*dht.Node {
	tb.Helper()
	var nodes []*dht.Node
	var bootstrap []string
	for range size {
		node, err := dht.Open(tb.Context(), dht.Config{Bind4: netip.MustParseAddr("127.0.0.1"), NoIPv6: true, Bootstrap: bootstrap})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { node.Close() })
		nodes = append(nodes, node)
		bootstrap = []string{nodes[0].Addrs()[0].String()}
	}
	for _, node := range nodes[1:] {
		if err := node.WaitConnected(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	return nodes
}
