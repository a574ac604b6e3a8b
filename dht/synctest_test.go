package dht_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// virtualNode opens a node at 10.0.0.i in a network in memory, in virtual time. It has IPv6
// only if cfg binds it.
func virtualNode(t *testing.T, network *simnet.Net, i int, cfg dht.Config) *dht.Node {
	t.Helper()
	cfg.Bind4, cfg.NoIPv6, cfg.Port = netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), !cfg.Bind6.IsValid(), 4222
	cfg.ListenPacket = func(addr netip.AddrPort) (net.PacketConn, error) { return network.ListenPacket(addr) }
	if i > 1 {
		cfg.Bootstrap = []string{"10.0.0.1"}
	}
	n, err := dht.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func TestAnHourInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.NewNet(simnet.Config{Seed: 1, Link: simnet.Link{Latency: 20 * time.Millisecond, Loss: 0.1}})
		var nodes []*dht.Node
		for i := range 12 {
			nodes = append(nodes, virtualNode(t, network, i+1, dht.Config{}))
		}
		for _, n := range nodes[1:] {
			if err := n.WaitConnected(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		key := infohash.SumString("kept")
		keep, err := nodes[1].Keep(t.Context(), key, &value.Value{Data: []byte("for an hour")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keep.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		var events []string
		listening := make(chan struct{})
		go func() {
			defer close(listening)
			for event, err := range nodes[5].Listen(t.Context(), key, dht.Lookup{}) {
				if err != nil {
					return
				}
				events = append(events, fmt.Sprintf("%s expired=%v", event.Value.Data, event.Expired))
				if event.Expired {
					return
				}
			}
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(events) != 1 || events[0] != "for an hour expired=false" {
			t.Fatalf("after an hour of keeping: %q", events)
		}
		keep.Stop()
		<-listening
		if len(events) != 2 || events[1] != "for an hour expired=true" {
			t.Fatalf("after the end: %q", events)
		}
	})
}

func TestALoneNodeReportsThatNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualNode(t, simnet.NewNet(simnet.Config{}), 1, dht.Config{})
		key := infohash.SumString("k")
		if _, err := n.Put(t.Context(), key, &value.Value{Data: []byte("x")}); !errors.Is(err, dht.ErrNoNodes) {
			t.Errorf("Put: %v", err)
		}
		if err := n.Ping(t.Context(), netip.MustParseAddrPort("10.0.0.9:1")); err == nil {
			t.Error("Ping of nobody: no error")
		}
	})
}

func TestBootstrapNodesAreAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.NewNet(simnet.Config{Seed: 2, Link: simnet.Link{Latency: 20 * time.Millisecond}})
		late := virtualNode(t, network, 2, dht.Config{})
		time.Sleep(time.Minute)
		if status := late.Status(); status == dht.Connected {
			t.Fatalf("status %v without a network", status)
		}
		virtualNode(t, network, 1, dht.Config{})
		start := time.Now()
		if err := late.WaitConnected(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("found the network only after %v", took)
		}
	})
}

// TestACrashedNodeComesBackAsItself opens a node with the state file as it is
// while the node runs, at once and later.
func TestACrashedNodeComesBackAsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.NewNet(simnet.Config{Link: simnet.Link{Latency: 20 * time.Millisecond}})
		virtualNode(t, network, 1, dht.Config{})
		running := filepath.Join(t.TempDir(), "state")
		n := virtualNode(t, network, 2, dht.Config{StateFile: running})
		for i, after := range []time.Duration{0, 10 * time.Second} {
			time.Sleep(after)
			synctest.Wait()
			state, err := os.ReadFile(running)
			if err != nil {
				t.Fatal(err)
			}
			left := filepath.Join(t.TempDir(), "state")
			if err := os.WriteFile(left, state, 0o600); err != nil {
				t.Fatal(err)
			}
			again := virtualNode(t, network, 3+i, dht.Config{StateFile: left})
			if again.ID() != n.ID() {
				t.Errorf("after %v it came back as %v, was %v", after, again.ID(), n.ID())
			}
		}
	})
}

// countingClock counts how often it calls back.
type countingClock struct{ calls atomic.Int64 }

func (c *countingClock) Now() time.Time { return time.Now() }

func (c *countingClock) AfterFunc(d time.Duration, f func()) dht.Timer {
	return time.AfterFunc(d, func() {
		c.calls.Add(1)
		f()
	})
}

// TestAnIdleNodeSeldomWakesUp lets a node listen at as many keys as an account does, in a
// network in which nothing happens, one listen after the other, with and without an IPv6
// that nobody else has.
func TestAnIdleNodeSeldomWakesUp(t *testing.T) {
	for _, bind6 := range []netip.Addr{{}, netip.MustParseAddr("2001:db8::2")} {
		t.Run(fmt.Sprint("at ", bind6), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.NewNet(simnet.Config{Seed: 3, Link: simnet.Link{Latency: time.Millisecond}})
				virtualNode(t, network, 1, dht.Config{})
				clock := &countingClock{}
				n := virtualNode(t, network, 2, dht.Config{Clock: clock, Bind6: bind6})
				for i := range 4 {
					key := infohash.SumString(fmt.Sprint("key ", i))
					go func() {
						for range n.Listen(t.Context(), key, dht.Lookup{}) {
						}
					}()
					time.Sleep(4 * time.Second)
				}
				time.Sleep(time.Minute)
				before := clock.calls.Load()
				time.Sleep(10 * time.Minute)
				calls := clock.calls.Load() - before
				if calls > 170 {
					t.Errorf("%d calls in ten minutes", calls)
				}
			})
		})
	}
}
