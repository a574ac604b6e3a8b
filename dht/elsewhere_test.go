package dht

import (
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// TestPutSinceElsewhere finds what was put with a date in the past on the other
// node only.
func TestPutSinceElsewhere(t *testing.T) {
	bind := Config{Bind4: netip.MustParseAddr("127.0.0.1"), NoIPv6: true}
	there, err := Open(t.Context(), bind)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	bind.Bootstrap = []string{there.Addrs()[0].String()}
	here, err := Open(t.Context(), bind)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if err := here.WaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := &value.Value{Data: []byte("here today")}
	stored, err := here.PutSince(t.Context(), infohash.SumString("key"), v, time.Now().Add(-time.Minute))
	if err != nil || stored != 1 {
		t.Fatalf("stored on %d nodes, %v", stored, err)
	}
	if n := here.Metrics().Info.Storage.Values; n != 0 {
		t.Errorf("%d values are kept here", n)
	}
	if n := there.Metrics().Info.Storage.Values; n != 1 {
		t.Errorf("%d values are kept there", n)
	}
}
