package peer

import (
	"net/netip"
	"slices"
	"testing"
)

// TestHostAddrs offers the addresses at which a node is found, and no others.
func TestHostAddrs(t *testing.T) {
	at := func(addrs ...string) []netip.AddrPort {
		var node []netip.AddrPort
		for _, a := range addrs {
			node = append(node, netip.AddrPortFrom(netip.MustParseAddr(a), 4222))
		}
		return node
	}
	bound := hostAddrs(at("2001:db8::1", "192.0.2.1", "::ffff:192.0.2.1"))
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}; !slices.Equal(bound, want) {
		t.Errorf("bound to addresses: %v", bound)
	}
	four := hostAddrs(at("0.0.0.0"))
	if len(four) == 0 || slices.ContainsFunc(four, netip.Addr.Is6) {
		t.Errorf("IPv4 only: %v", four)
	}
	both := hostAddrs(at("::", "0.0.0.0"))
	if len(both) < len(four) || !both[0].Is4() {
		t.Errorf("both families: %v", both)
	}
	for _, addr := range both {
		if addr.IsLoopback() && len(both) > 2 || addr.IsLinkLocalUnicast() {
			t.Errorf("%v is offered among %v", addr, both)
		}
	}
	if none := hostAddrs(nil); len(none) > 0 {
		t.Errorf("no node: %v", none)
	}
}
