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

// limit bounds a whole story.
const limit = 8 * time.Minute

const (
	// stranger is an account that does not exist.
	stranger = "2222222222222222222222222222222222222222"
	bobName  = "Bob Example"
	bobCard  = "BEGIN:VCARD\nVERSION:2.1\nFN:" + bobName + "\nEND:VCARD"
)

// The entries of a contact's menu, which have no names for who does not see.
const removeEntry, blockEntry = 1, 2

// The list of invitations is the second tab.
var openInvitation = []act{{part{role: "page tab", number: 1}, "click 1"}, press(bobName)}

// story is a user before a client on the account of alice, and bob on a daemon
// without.
type story struct {
	*user
	alice, bob *peers.Account
}

// TestClient lets the user answer invitations, see who is online, add, remove,
// block and reinstate contacts, and use the settings of the account, and the
// daemon start again under the client.
func TestClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	s := &story{}
	for name, account := range map[string]**peers.Account{"alice": &s.alice, "bob": &s.bob} {
		daemon := peers.RollcallDaemon().Start(t, network.HostIPv4())
		var err error
		if *account, err = daemon.AddAccount(ctx, name, node.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	s.user = start(ctx, t, s.alice.Daemon)
	s.expect("getConversationRequests", s.alice.ID)

	s.answerInvitations()
	s.switchOff()
	s.restartDaemon()
	s.addAndRemove()
	s.blockAndReinstate()
}

func (s *story) answerInvitations() {
	alice, bob := s.alice.ID, s.bob.URI
	s.do(s.called("declineConversationRequest", alice, s.ask()), append(openInvitation, press("Decline contact request"))...)
	s.expectContacts(nil)

	s.ask()
	s.do(s.called("removeContact", alice, bob, "true"), append(openInvitation, press("Block contact"))...)
	s.expectContacts(map[string]string{bob: "banned"})
	if err := s.alice.RemoveContact(s.ctx, bob, false); err != nil {
		s.t.Fatal(err)
	}

	s.do(s.called("acceptConversationRequest", alice, s.ask()), append(openInvitation, press("Accept contact request"))...)
	s.expect("subscribeBuddy", alice, bob, "true")
	s.expectContacts(map[string]string{bob: "confirmed"})
	s.expectPresence(bobName, true)
}

// switchOff takes the account off the network and brings it back, after a look at
// what the settings say that the daemon cannot do.
func (s *story) switchOff() {
	alice := s.alice.ID
	for _, state := range []struct {
		on   string
		name string
	}{{"false", "UNREGISTERED"}, {"true", "REGISTERED"}} {
		mark := s.alice.Mark()
		s.do(s.called("sendRegister", alice, state.on), press("Open settings"), press("Enable account"))
		if _, err := s.alice.WaitSignal(s.ctx, mark, "registrationStateChanged", alice, state.name); err != nil {
			s.t.Fatal(err)
		}
		s.do(s.shown("Open settings"), press("Close settings"))
	}
	s.expectPresence(bobName, true)

	s.do(s.shown("Error connecting to the network.\nPlease try again later."),
		press("Open settings"), scrollDown("Set password"), pressBelow("Link another device"))
	s.do(s.shown("Open settings"), press("Close"), press("Close settings"))
}

// restartDaemon kills the daemon under the client, which does not load anything
// again, but still follows bob.
func (s *story) restartDaemon() {
	mark := s.alice.Mark()
	s.alice.Restart()
	if _, err := s.alice.WaitSignal(s.ctx, mark, "registrationStateChanged", s.alice.ID, "REGISTERED"); err != nil {
		s.t.Fatal(err)
	}
	for _, online := range []bool{false, true} {
		if err := s.bob.Enable(s.ctx, online); err != nil {
			s.t.Fatal(err)
		}
		s.expectPresence(bobName, online)
	}
}

func (s *story) addAndRemove() {
	alice, bob := s.alice.ID, s.bob.URI
	s.do(s.called("sendTrustRequest", alice, stranger),
		typeIn("Find users and conversations", stranger), press(stranger), press("Add to conversations"))
	s.expectContacts(map[string]string{bob: "confirmed", stranger: "added"})
	s.do(s.called("removeContact", alice, stranger, "false"), openMenu(stranger), choose(removeEntry), press("Remove"))
	s.expectContacts(map[string]string{bob: "confirmed"})
}

func (s *story) blockAndReinstate() {
	alice, bob := s.alice.ID, s.bob.URI
	s.do(s.called("removeContact", alice, bob, "true"), openMenu(bobName), choose(blockEntry), press("Block"))
	s.expectContacts(map[string]string{bob: "banned"})

	s.do(s.called("addContact", alice, bob),
		press("Open settings"), scrollDown("Set password"),
		press("Display banned contacts"), scrollDown("Link another device"), pressBelow("Reinstate as contact"))
	s.do(s.shown(bobName), press("Close settings"))
	s.expectContacts(map[string]string{bob: "added"})
	s.expectPresence(bobName, true)
}

// ask lets bob invite alice, as if he never had, and returns the id that the
// client knows the invitation by.
func (s *story) ask() string {
	s.t.Helper()
	if err := s.bob.RemoveContact(s.ctx, s.alice.URI, false); err != nil {
		s.t.Fatal(err)
	}
	mark := s.alice.Mark()
	if err := s.bob.SendRequest(s.ctx, s.alice.URI, []byte(bobCard)); err != nil {
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
