//go:build peers

// Package dht tests DHT nodes of every implementation against each other, over
// real sockets: whoever puts, stores and gets, the outcome must be the same.
// The runs without a node of ours are the control.
package dht

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

// limit bounds one scenario.
const limit = 60 * time.Second

// kinds are the implementations that put and get.
var kinds = []peers.Kind{peers.OpenDHT}

// storer is a program that stores for others and that others bootstrap from.
type storer interface {
	Addr() netip.AddrPort
	Kill()
	Stop() error
}

// storers are the implementations that store.
var storers = []struct {
	name  string
	start func(t testing.TB, host *netns.Host, config peers.NodeConfig) storer
}{
	{"dhtnode", func(t testing.TB, host *netns.Host, config peers.NodeConfig) storer {
		return peers.StartDHTNode(t, host, config)
	}},
}

// cast is who plays in one run of a scenario.
type cast struct {
	start  func(t testing.TB, host *netns.Host, config peers.NodeConfig) storer
	putter peers.Kind
	getter peers.Kind
}

// everyCast runs a scenario with every combination of implementations.
func everyCast(t *testing.T, scenario func(t *testing.T, ctx context.Context, c cast)) {
	for _, s := range storers {
		for _, putter := range kinds {
			for _, getter := range kinds {
				t.Run(putter.Name+" to "+getter.Name+" by "+s.name, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					scenario(t, ctx, cast{s.start, putter, getter})
				})
			}
		}
	}
}
