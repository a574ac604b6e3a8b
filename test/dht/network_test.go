//go:build peers

package dht

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// TestBootstrapChain joins three nodes in a row, each of which was told of its
// predecessor only. A value put at one end is found at the other.
func TestBootstrapChain(t *testing.T) {
	for _, first := range storers {
		for _, second := range storers {
			for _, kind := range kinds {
				t.Run(kind.Name+" by "+second.Name+" by "+first.Name, func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					network := netns.New(t)
					a := first.Start(t, network.Host(), peers.NodeConfig{Port: 4222})
					b := second.Start(t, network.Host(), peers.NodeConfig{Port: 4222, Bootstrap: a.Addr()})
					putter := kind.Start(t, network.Host(), peers.PeerConfig{Bootstrap: a.Addr()})
					putOne(t, ctx, putter, "chain", peers.Put{})
					putter.Kill()
					getter := kind.Start(t, network.Host(), peers.PeerConfig{Bootstrap: b.Addr()})
					getOne(t, ctx, getter, "chain")
				})
			}
		}
	}
}

// TestAddressFamilies joins nodes over one address family only.
func TestAddressFamilies(t *testing.T) {
	families := []struct {
		name string
		host func(*netns.Network) *netns.Host
	}{
		{"IPv4", (*netns.Network).HostIPv4},
		{"IPv6", (*netns.Network).HostIPv6},
	}
	for _, family := range families {
		t.Run(family.name, func(t *testing.T) {
			everyCast(t, func(t *testing.T, ctx context.Context, c cast) {
				network := netns.New(t)
				bootstrap := c.storer.Start(t, family.host(network), peers.NodeConfig{Port: 4222}).Addr()
				putter := c.putter.Start(t, family.host(network), peers.PeerConfig{Bootstrap: bootstrap})
				putOne(t, ctx, putter, family.name, peers.Put{})
				putter.Kill()
				getter := c.getter.Start(t, family.host(network), peers.PeerConfig{Bootstrap: bootstrap})
				getOne(t, ctx, getter, family.name)
			})
		})
	}
}

// TestStorersKilled kills all storers of a value but one, and the putter.
func TestStorersKilled(t *testing.T) {
	everyCast(t, func(t *testing.T, ctx context.Context, c cast) {
		network := netns.New(t)
		nodes, addrs := startNodes(t, network, c.storer, 4)
		putter := c.putter.Start(t, network.Host(), peers.PeerConfig{})
		meet(t, ctx, putter, addrs...)
		putOne(t, ctx, putter, "killed", peers.Put{Permanent: true})
		putter.Kill()
		last := nodes[len(nodes)-1]
		for _, node := range nodes[:len(nodes)-1] {
			node.Kill()
		}
		getter := c.getter.Start(t, network.Host(), peers.PeerConfig{Bootstrap: last.Addr()})
		getOne(t, ctx, getter, "killed")
	})
}

// TestPermanentPutMoves kills every storer of a permanent value after new
// nodes have joined: the putter must have brought the value to these.
func TestPermanentPutMoves(t *testing.T) {
	everyCast(t, func(t *testing.T, ctx context.Context, c cast) {
		network := netns.New(t)
		old := c.storer.Start(t, network.Host(), peers.NodeConfig{Port: 4222})
		putter := c.putter.Start(t, network.Host(), peers.PeerConfig{Bootstrap: old.Addr()})
		putOne(t, ctx, putter, "moves", peers.Put{Permanent: true})
		fresh := c.storer.Start(t, network.Host(), peers.NodeConfig{Port: 4222, Bootstrap: putter.Addr()})
		if err := putter.WaitNodes(ctx, 2); err != nil {
			t.Fatal(err)
		}
		old.Kill()

		getter := c.getter.Start(t, network.Host(), peers.PeerConfig{Bootstrap: fresh.Addr()})
		getOne(t, ctx, getter, "moves")
	})
}

// TestBadNetwork puts, gets and listens while every host loses 30 % of what it
// sends and the rest takes 100 ms.
func TestBadNetwork(t *testing.T) {
	everyCast(t, func(t *testing.T, ctx context.Context, c cast) {
		network := netns.New(t)
		_, addrs := startNodes(t, network, c.storer, 4)
		putter := c.putter.Start(t, network.Host(), peers.PeerConfig{})
		meet(t, ctx, putter, addrs...)
		getter := c.getter.Start(t, network.Host(), peers.PeerConfig{})
		meet(t, ctx, getter, addrs...)
		network.Impair(netns.Impairment{Loss: 0.3, Delay: 100 * time.Millisecond})

		listen, err := getter.Listen(ctx, infohash.SumString("bad network"), "")
		if err != nil {
			t.Fatal(err)
		}
		putOne(t, ctx, putter, "bad network", peers.Put{Permanent: true})
		expect(t, ctx, listen, 1, false)
		getOne(t, ctx, getter, "bad network")
	})
}

// startNodes starts a network of n nodes, each on a host of its own.
func startNodes(t *testing.T, network *netns.Network, kind peers.NodeKind, n int) (nodes []*peers.Node, addrs []netip.AddrPort) {
	t.Helper()
	config := peers.NodeConfig{Port: 4222}
	for range n {
		node := kind.Start(t, network.Host(), config)
		nodes, addrs = append(nodes, node), append(addrs, node.Addr())
		config.Bootstrap = addrs[0]
	}
	return nodes, addrs
}

// meet lets a peer know all of these nodes now.
func meet(t *testing.T, ctx context.Context, p *peers.Peer, nodes ...netip.AddrPort) {
	t.Helper()
	for _, node := range nodes {
		if err := p.Ping(ctx, node); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.WaitNodes(ctx, len(nodes)); err != nil {
		t.Fatal(err)
	}
}

// putOne puts a value of two parts at the key of a name.
func putOne(t *testing.T, ctx context.Context, putter *peers.Peer, name string, how peers.Put) {
	t.Helper()
	if _, err := putter.Put(ctx, infohash.SumString(name), valueOf(name), how); err != nil {
		t.Fatal(err)
	}
}

// getOne gets the value that putOne has put under a name.
func getOne(t *testing.T, ctx context.Context, getter *peers.Peer, name string) {
	t.Helper()
	compare(t, stored{name: name, value: valueOf(name)}, get(t, ctx, getter, infohash.SumString(name)))
}

// get gets what is stored at a key. A lookup may fail while the network changes or
// the machine is busy; what is stored must be found in the end.
func get(t *testing.T, ctx context.Context, getter *peers.Peer, key infohash.Hash) (values []peers.Value) {
	t.Helper()
	err := peers.Eventually(ctx, func() (bool, error) {
		var err error
		values, err = getter.Get(ctx, key, "")
		return len(values) > 0, err
	})
	if err != nil {
		t.Fatalf("getting what is at %v: %v", key, err)
	}
	return values
}

func valueOf(name string) peers.Value {
	return peers.Value{ID: 1, UserType: name, Data: bytes.Repeat([]byte("value"), 250)}
}
