//go:build peers

package peer

import (
	"context"
	"strings"
	"testing"

	"rollcall/pidf"
	"rollcall/presence"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// notesBySIP lets notes of ours go to daemons that show them as messages.
func notesBySIP(t *testing.T, ctx context.Context, a *peers.Account) {
	t.Helper()
	if err := httpClient(t, a).Switch(ctx, a.ID, "notes-by-sip", true); err != nil {
		t.Fatal(err)
	}
}

// send sends a text and returns its id.
func send(t *testing.T, ctx context.Context, from *peers.Account, to, text string) uint64 {
	t.Helper()
	var id uint64
	payloads := map[string]string{"text/plain": text}
	if err := from.Call(ctx, configuration, "sendTextMessage", []any{from.ID, to, payloads}, []any{&id}); err != nil {
		t.Fatal(err)
	}
	return id
}

// waitMessage waits for a message of a type, with a text in it.
func waitMessage(t *testing.T, ctx context.Context, a *peers.Account, mark int, from, media, text string) peers.Signal {
	t.Helper()
	s, err := a.Wait(ctx, mark, "message "+text, func(s peers.Signal) bool { return isMessage(s, from, media, text) })
	if err != nil {
		t.Fatalf("%v; there were %v", err, a.Signals(mark))
	}
	return s
}

func isMessage(s peers.Signal, from, media, text string) bool {
	if s.Name != "incomingAccountMessage" || s.Args[1] != from {
		return false
	}
	payloads, ok := s.Args[3].(map[string]string)
	return ok && strings.Contains(payloads[media], text)
}

func publish(t *testing.T, ctx context.Context, a *peers.Account, note string) {
	t.Helper()
	if err := a.Call(ctx, "PresenceManager", "publish", []any{a.ID, true, note}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestTalk exchanges texts with the C++ daemon, and gives it a note, which it shows
// as a message: once, and again when it comes back.
func TestTalk(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		notesBySIP(t, ctx, m.ours)
		mark := m.ours.Mark()
		m.befriend(t, ctx)
		m.waitStatus(t, ctx, mark, presence.Connected)

		mark = m.theirs.Mark()
		publish(t, ctx, m.ours, "Lunch Time!")
		id := send(t, ctx, m.ours, m.theirs.URI, "hello from ours")
		waitMessage(t, ctx, m.theirs, mark, m.ours.URI, pidf.MIMEType, "<basic>Lunch Time</basic>")
		waitMessage(t, ctx, m.theirs, mark, m.ours.URI, "text/plain", "hello from ours")
		sent, err := m.ours.Wait(ctx, 0, "status of the text", func(s peers.Signal) bool {
			return s.Name == "accountMessageStatusChanged" && s.Args[2] == m.theirs.URI && s.Args[4] == int32(2)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("text %d: %v", id, sent.Args)

		mark = m.ours.Mark()
		theirMark := m.theirs.Mark()
		send(t, ctx, m.theirs, m.ours.URI, "hello from theirs")
		s := waitMessage(t, ctx, m.ours, mark, m.theirs.URI, "text/plain", "hello from theirs")
		t.Logf("their text: %v", s.Args)
		// They take our answer for delivery.
		if s, err = m.theirs.Wait(ctx, theirMark, "status of their text", func(s peers.Signal) bool {
			return s.Name == "accountMessageStatusChanged" && s.Args[4] == int32(2)
		}); err != nil {
			t.Fatal(err)
		}
		t.Logf("status of their text: %v", s.Args)

		m.declineCall(t, ctx)

		mark, theirMark = m.ours.Mark(), m.theirs.Mark()
		m.theirs.Restart()
		m.waitStatus(t, ctx, mark, presence.Connected)
		waitMessage(t, ctx, m.theirs, theirMark, m.ours.URI, pidf.MIMEType, "<basic>Lunch Time</basic>")
		send(t, ctx, m.ours, m.theirs.URI, "what follows")
		waitMessage(t, ctx, m.theirs, theirMark, m.ours.URI, "text/plain", "what follows")
		heard := 0
		for _, s := range m.theirs.Signals(theirMark) {
			if isMessage(s, m.ours.URI, pidf.MIMEType, "Lunch") {
				heard++
			}
		}
		if heard != 1 {
			t.Errorf("the note was shown %d times, want once", heard)
		}
	})
}

// declineCall lets them call us, who take no calls: they hear so at once.
func (m meeting) declineCall(t *testing.T, ctx context.Context) {
	t.Helper()
	mark := m.theirs.Mark()
	var call string
	if err := m.theirs.Call(ctx, "CallManager", "placeCall", []any{m.theirs.ID, m.ours.URI}, []any{&call}); err != nil {
		t.Fatal(err)
	}
	s, err := m.theirs.Wait(ctx, mark, "end of the call", func(s peers.Signal) bool {
		return s.Name == "callStateChanged" && s.Args[1] == call && (s.Args[2] == "BUSY" || s.Args[2] == "OVER" || s.Args[2] == "FAILURE")
	})
	if err != nil {
		t.Fatalf("%v; there were %v", err, m.theirs.Signals(mark))
	}
	t.Logf("the call ended: %v", s.Args)
}

// TestOurs tells notes between two of our daemons: whole, once, and gone with
// their time.
func TestOurs(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	var both [2]*peers.Account
	for i, name := range []string{"here", "there"} {
		var err error
		if both[i], err = peers.RollcallDaemon().Start(t, network.HostIPv4()).AddAccount(ctx, name, node.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	m := meeting{ours: both[0], theirs: both[1]}
	publish(t, ctx, m.theirs, "Lunch Time")
	mark := m.ours.Mark()
	m.befriend(t, ctx)
	s := m.waitStatus(t, ctx, mark, presence.Connected)
	note, err := m.ours.WaitSignal(ctx, mark, "newBuddyNotification", m.ours.ID, m.theirs.URI, int32(2), "Lunch Time")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the note is there %v after the connection", note.At.Sub(s.At))
	send(t, ctx, m.theirs, m.ours.URI, "what follows")
	waitMessage(t, ctx, m.ours, mark, m.theirs.URI, "text/plain", "what follows")
	heard := 0
	for _, s := range m.ours.Signals(mark) {
		if s.Name == "newBuddyNotification" && s.Args[2] == int32(2) && s.Args[3] == "Lunch Time" {
			heard++
		}
	}
	if heard != 1 {
		t.Errorf("the note was told %d times, want once", heard)
	}
}
