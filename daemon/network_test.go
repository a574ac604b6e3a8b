package daemon

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"rollcall/dht"
)

// TestPortIsKept: a node has the port that it had before, unless somebody else
// has it now.
func TestPortIsKept(t *testing.T) {
	t.Parallel()
	cfg := dht.Config{Bind4: loopback, NoIPv6: true, StateFile: filepath.Join(t.TempDir(), "nodes")}
	open := func() uint16 {
		t.Helper()
		node, err := openNode(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		if err := savePort(cfg, node.Port()); err != nil {
			t.Fatal(err)
		}
		return node.Port()
	}
	first := open()
	if again := open(); again != first {
		t.Errorf("port %d, was %d", again, first)
	}
	taken, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, first)))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if other := open(); other == first || other == 0 {
		t.Errorf("port %d, which is taken", other)
	}
}
