//go:build peers

// Package client tests the daemon with Jami's desktop client of Debian 12, as
// it is: mouse and keyboard at one end, what the daemon was asked and keeps at
// the other.
package client

import (
	"context"
	"maps"
	"testing"
	"time"

	"rollcall/test/netns"
	"rollcall/test/peers"
)

const (
	// limit bounds the whole story.
	limit = 150 * time.Second
	// answerLimit bounds the time from the last click to the call.
	answerLimit = 3 * time.Second
)

// What the user does, in words of xdotool: the points are those of the client's
// window, the pauses those that it needs between two of its pages.
const (
	openInvitation = "mousemove 225 145 click 1 sleep 0.5 mousemove 150 200 click 1 sleep 0.7 "
	accept         = openInvitation + "mousemove 597 441 click 1"
	refuse         = openInvitation + "mousemove 519 441 click 1"
	block          = openInvitation + "mousemove 440 441 click 1"

	add = "mousemove 150 93 click 1 sleep 0.3 key ctrl+a key --delay 10 --repeat 40 2 " +
		"sleep 1 mousemove 150 200 click 1 sleep 0.7 mousemove 709 32 sleep 0.3 click 1"
	remove  = "mousemove 150 175 click 3 sleep 0.7 mousemove 217 257 click 1 sleep 0.7 mousemove 294 361 click 1"
	dismiss = "key Escape sleep 0.3"
)

// stranger is an account that does not exist, which add types.
const stranger = "2222222222222222222222222222222222222222"

const card = "BEGIN:VCARD\nVERSION:2.1\nFN:Bob Example\nEND:VCARD"

// story is the client on the account of alice, and bob on a daemon without.
type story struct {
	t          *testing.T
	ctx        context.Context
	alice, bob *peers.Account
	client     *peers.Client
	calls      *calls
}

// TestClient lets the user refuse, accept and block invitations, see a contact
// online, and add and remove contacts.
func TestClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	s := &story{t: t, ctx: ctx}
	for name, account := range map[string]**peers.Account{"alice": &s.alice, "bob": &s.bob} {
		daemon := peers.RollcallDaemon().Start(t, network.HostIPv4())
		var err error
		if *account, err = daemon.AddAccount(ctx, name, node.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	alice, bob := s.alice.ID, s.bob.URI
	s.calls = listen(t, s.alice.Daemon)
	s.client = s.alice.StartClient(t)
	s.expect("getConversationRequests", alice)

	s.do(refuse, "declineConversationRequest", alice, s.ask())
	s.expectContacts(nil)

	s.do(accept, "acceptConversationRequest", alice, s.ask())
	s.expect("subscribeBuddy", alice, bob, "true")
	s.expectContacts(map[string]string{bob: "confirmed"})
	s.expectOnline()

	s.do(add, "sendTrustRequest", alice, stranger)
	s.expectContacts(map[string]string{bob: "confirmed", stranger: "added"})
	s.do(remove, "removeContact", alice, stranger, "false")
	s.expectContacts(map[string]string{bob: "confirmed"})
	s.do(remove, "removeContact", alice, bob, "false")
	s.expectContacts(nil)

	s.ask()
	s.do(block, "removeContact", alice, bob, "true")
	s.expectContacts(map[string]string{bob: "banned"})
}

// expect waits for a call of the client.
func (s *story) expect(call ...string) {
	s.t.Helper()
	if err := s.calls.wait(s.ctx, call...); err != nil {
		s.t.Fatal(err)
	}
}

// expectOnline waits for the green dot of the first contact.
func (s *story) expectOnline() {
	s.t.Helper()
	const x, y = 61, 178
	err := peers.Eventually(s.ctx, func() (bool, error) {
		c, err := s.client.Pixel(x, y)
		return c.G > 0xa0 && c.R < 0x80 && c.B < 0x90, err
	})
	if err != nil {
		s.t.Fatalf("waiting for the dot of presence: %v", err)
	}
}

// do acts until the client makes a call. A slow client may miss a click, thus
// the user tries again.
func (s *story) do(action string, call ...string) {
	s.t.Helper()
	for {
		if err := s.client.Do(s.ctx, action); err != nil {
			s.t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(s.ctx, answerLimit)
		err := s.calls.wait(ctx, call...)
		cancel()
		if err == nil {
			return
		}
		if s.ctx.Err() != nil {
			s.t.Fatal(err)
		}
		s.t.Logf("once more: %v", err)
		if err := s.client.Do(s.ctx, dismiss); err != nil {
			s.t.Fatal(err)
		}
	}
}

// ask lets bob invite alice, as if he never had, and returns the id that the
// client knows the invitation by.
func (s *story) ask() string {
	s.t.Helper()
	if err := s.bob.RemoveContact(s.ctx, s.alice.URI, false); err != nil {
		s.t.Fatal(err)
	}
	mark := s.alice.Mark()
	if err := s.bob.SendRequest(s.ctx, s.alice.URI, []byte(card)); err != nil {
		s.t.Fatal(err)
	}
	signal, err := s.alice.WaitSignal(s.ctx, mark, "conversationRequestReceived", s.alice.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	id, _ := signal.Args[1].(string)
	s.expect("conversationInfos", s.alice.ID, id)
	return id
}

// expectContacts waits until alice's contacts are these, and she has no request.
func (s *story) expectContacts(want map[string]string) {
	s.t.Helper()
	var have map[string]string
	err := peers.Eventually(s.ctx, func() (bool, error) {
		contacts, err := s.alice.Contacts(s.ctx)
		have = make(map[string]string)
		for _, c := range contacts {
			have[c["id"]] = state(c)
		}
		if err != nil {
			return false, err
		}
		requests, err := s.alice.Requests(s.ctx)
		return len(requests) == 0 && maps.Equal(have, want), err
	})
	if err != nil {
		s.t.Fatalf("contacts: %v, want %v: %v", have, want, err)
	}
}

func state(c peers.Contact) string {
	switch {
	case c["banned"] == "true":
		return "banned"
	case c["confirmed"] == "true":
		return "confirmed"
	}
	return "added"
}
