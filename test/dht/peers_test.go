//go:build peers

// Package dht tests DHT nodes of every implementation against each other, over
// real sockets: whoever puts, stores and gets, the outcome must be the same.
// The runs without a node of ours are the control.
package dht

import (
	"context"
	"testing"
	"time"

	"rollcall/test/peers"
)

// limit bounds one scenario, in which the peers may have to be built.
const limit = 5 * time.Minute

// kinds are the implementations that put and get.
var kinds = []peers.Kind{peers.OpenDHT, peers.Rollcall}

// storers are the implementations that store.
var storers = []peers.NodeKind{peers.DHTNode, peers.RollcallNode}

// cast is who plays in one run of a scenario.
type cast struct {
	storer peers.NodeKind
	putter peers.Kind
	getter peers.Kind
}

// everyCast runs a scenario with every combination of implementations, several
// at a time: they mostly wait.
func everyCast(t *testing.T, scenario func(t *testing.T, ctx context.Context, c cast)) {
	for _, storer := range storers {
		for _, putter := range kinds {
			for _, getter := range kinds {
				t.Run(putter.Name+" to "+getter.Name+" by "+storer.Name, func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					scenario(t, ctx, cast{storer, putter, getter})
				})
			}
		}
	}
}
