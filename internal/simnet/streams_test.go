package simnet

import (
	"net/netip"
	"testing"
)

// TestListenerEndsWhatWaits: who was not accepted yet sees the end of a listener.
func TestListenerEndsWhatWaits(t *testing.T) {
	network := NewStreams()
	listener, err := network.Listen(t.Context(), netip.MustParseAddrPort("10.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(listener.Addr().String())
	conn, err := network.DialFrom(netip.MustParseAddr("10.0.0.2"))(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes", n)
	}
}
