//go:build peers

package client

import (
	"context"
	"testing"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

// TestConversation starts a client on an account that has a contact with a
// conversation: bob's daemon gave him one, and ours has none. The client shows bob
// once, as it shows other contacts, and removes him as it does them.
func TestConversation(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	s := &story{}
	var err error
	if s.alice, err = peers.RollcallDaemon().Start(t, network.HostIPv4()).AddAccount(ctx, "alice", node.Addr()); err != nil {
		t.Fatal(err)
	}
	if s.bob, err = peers.Jamid.Start(t, network.HostIPv4()).AddAccount(ctx, "bob", node.Addr()); err != nil {
		t.Fatal(err)
	}
	alice, bob := s.alice.ID, s.bob.URI
	mark := s.alice.Mark()
	if err := s.bob.SendRequest(ctx, s.alice.URI, []byte(bobCard)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.alice.WaitSignal(ctx, mark, "conversationRequestReceived", alice); err != nil {
		t.Fatal(err)
	}
	if err := s.alice.AcceptRequest(ctx, bob); err != nil {
		t.Fatal(err)
	}
	contact, err := s.alice.Contact(ctx, bob)
	if err != nil || contact["conversationId"] == "" {
		t.Fatalf("contact %q, %v: want one with a conversation", contact, err)
	}

	s.user = start(ctx, t, s.alice.Daemon)
	s.expect("subscribeBuddy", alice, bob, "true")
	s.expectPresence(bob, true)
	if twice, err := s.window.find(ctx, part{label: bob, number: 1}); err == nil {
		t.Errorf("bob is shown twice: %+v", twice)
	}
	s.do(s.called("removeContact", alice, bob, "false"), openMenu(bob), choose(removeEntry), press("Remove"))
	s.expectContacts(nil)
}
