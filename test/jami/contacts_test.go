//go:build peers

// Package jami tests Jami daemons of every implementation against each other,
// over D-Bus only and on a network of their own. The runs without a daemon of
// ours are the control.
package jami

import (
	"context"
	"testing"
	"time"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

// limit bounds one scenario, in which our daemon may have to be built.
const limit = 4 * time.Minute

// kinds are the implementations of the daemon.
var kinds = []peers.DaemonKind{peers.Jamid, peers.RollcallDaemon("--log-level", "debug")}

// everyPair runs a scenario with alice's and bob's daemon of every
// implementation, each on a host of its own, with a dhtnode on a third.
func everyPair(t *testing.T, scenario func(t *testing.T, ctx context.Context, alice, bob *peers.Account)) {
	for _, aliceKind := range kinds {
		for _, bobKind := range kinds {
			t.Run(aliceKind.Name+" and "+bobKind.Name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				network := netns.New(t)
				node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
				accounts := make([]*peers.Account, 2)
				for i, kind := range []peers.DaemonKind{aliceKind, bobKind} {
					var err error
					daemon := kind.Start(t, network.HostIPv4())
					accounts[i], err = daemon.AddAccount(ctx, []string{"alice", "bob"}[i], node.Addr())
					if err != nil {
						t.Fatal(err)
					}
				}
				scenario(t, ctx, accounts[0], accounts[1])
			})
		}
	}
}

// TestContactStory is the story of two people: one follows the other, asks,
// is accepted, and the answer comes back.
func TestContactStory(t *testing.T) {
	everyPair(t, func(t *testing.T, ctx context.Context, alice, bob *peers.Account) {
		follow(t, ctx, alice, bob)

		mark := bob.Mark()
		const card = "BEGIN:VCARD\nVERSION:2.1\nFN:alice\nEND:VCARD"
		if err := alice.SendRequest(ctx, bob.URI, []byte(card)); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.WaitSignal(ctx, mark, "incomingTrustRequest", bob.ID); err != nil {
			t.Fatal(err)
		}
		requests, err := bob.Requests(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(requests) != 1 || requests[0]["from"] != alice.URI || requests[0]["payload"] != card {
			t.Fatalf("bob's requests: %q", requests)
		}
		contact, err := alice.Contact(ctx, bob.URI)
		if err != nil || contact["confirmed"] != "false" {
			t.Fatalf("alice's contact before the answer: %q, %v", contact, err)
		}

		mark = alice.Mark()
		if err := bob.AcceptRequest(ctx, alice.URI); err != nil {
			t.Fatal(err)
		}
		if _, err := alice.WaitSignal(ctx, mark, "contactAdded", alice.ID, bob.URI, true); err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]*peers.Account{{alice, bob}, {bob, alice}} {
			contact, err := pair[0].Contact(ctx, pair[1].URI)
			if err != nil || contact["confirmed"] != "true" {
				t.Errorf("contact after the answer: %q, %v", contact, err)
			}
		}
		if requests, err := bob.Requests(ctx); err != nil || len(requests) != 0 {
			t.Errorf("bob's requests after the answer: %q, %v", requests, err)
		}

		// A daemon that is killed comes back with everything it acknowledged.
		mark = bob.Mark()
		bob.Restart()
		if err := bob.WaitAnnounced(ctx, mark); err != nil {
			t.Fatal(err)
		}
		contact, err = bob.Contact(ctx, alice.URI)
		if err != nil || contact["id"] != alice.URI {
			t.Errorf("bob's contact after a restart: %q, %v", contact, err)
		}
	})
}
