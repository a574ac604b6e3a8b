package dht

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/engine"
	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// TestTooSlow lets more changes come than may wait: those that may are told, then
// that some were missed, and then all that is there.
func TestTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.NewNet(simnet.Config{})
		n, err := Open(t.Context(), Config{
			Bind4: netip.MustParseAddr("10.0.0.1"), NoIPv6: true,
			ListenPacket: func(addr netip.AddrPort) (net.PacketConn, error) { return network.ListenPacket(addr) },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		key := infohash.SumString("key")
		keep, err := n.Keep(t.Context(), key, &value.Value{Data: []byte("kept")})
		if err != nil {
			t.Fatal(err)
		}
		defer keep.Stop()

		var changes, told, missed int
		goOn := make(chan struct{})
		x := &Listener{key: key, reader: n.reader(Lookup{}), f: func(e Event, err error) {
			<-goOn
			switch {
			case errors.Is(err, ErrTooSlow):
				missed++
			case err != nil:
				t.Errorf("told %v", err)
			case string(e.Value.Data) == "kept":
				told++
			default:
				changes++
			}
		}}
		x.ready = x.wakeLocked
		x.begin()
		synctest.Wait() // the first change is being told, and does not wait any more
		for range maxBacklog + 2 {
			x.add(engine.Effect{Kind: engine.Found, Value: &value.Value{Data: []byte("x")}})
		}
		close(goOn)
		synctest.Wait()
		if changes != maxBacklog || missed != 1 || told != 2 {
			t.Errorf("told %d changes, %d times that some were missed, and %d times of what is there", changes, missed, told)
		}
		x.Stop()
		synctest.Wait()
		if len(n.ops) != 1 { // the keep
			t.Errorf("%d operations go on", len(n.ops))
		}
	})
}
