//go:build peers

package dht

import (
	"context"
	"testing"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

// TestDiscovery starts two nodes that were told of nobody: they find each other
// by multicast, so that a value put by way of one is found by way of the other.
func TestDiscovery(t *testing.T) {
	for _, first := range storers {
		for _, second := range storers {
			t.Run(second.Name+" finds "+first.Name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				network := netns.New(t)
				a := first.Start(t, network.Host(), peers.NodeConfig{Port: 4222, Discovery: true})
				b := second.Start(t, network.Host(), peers.NodeConfig{Port: 4222, Discovery: true})
				putter := peers.Rollcall.Start(t, network.Host(), peers.PeerConfig{Bootstrap: a.Addr()})
				getter := peers.Rollcall.Start(t, network.Host(), peers.PeerConfig{Bootstrap: b.Addr()})
				// They announce themselves when they start and now and then after.
				putOne(t, ctx, putter, "discovered", peers.Put{Permanent: true})
				getOne(t, ctx, getter, "discovered")
			})
		}
	}
}
