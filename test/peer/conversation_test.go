//go:build peers

package peer

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/api/http/client"
	"rollcall/api/http/endpoint"
	"rollcall/api/http/schema"
	"rollcall/presence"
	"rollcall/test/peers"
)

// httpClient returns a client of a daemon of ours.
func httpClient(t *testing.T, a *peers.Account) *client.Client {
	t.Helper()
	at, err := endpoint.Parse("", filepath.Join(a.Home, "data", "rollcall"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestConversation lets the C++ daemon do what it does with its own kind: it keeps a
// conversation, tells of what is new in it, asks for what is new on our side, and
// sends a card with a photo, in pieces and at once. We answer, decline and pass over,
// on the connection that stands, and texts go on.
func TestConversation(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		mark := m.ours.Mark()
		m.befriend(t, ctx)
		m.waitStatus(t, ctx, mark, presence.Connected)
		c := httpClient(t, m.ours)
		stands := func() schema.Connection {
			t.Helper()
			conns, err := c.Connections(ctx, m.ours.ID)
			if err != nil || len(conns) != 1 {
				t.Fatalf("connections %v, %v", conns, err)
			}
			return conns[0]
		}
		before := stands()

		var conversations []string
		if err := m.theirs.Call(ctx, configuration, "getConversations", []any{m.theirs.ID}, []any{&conversations}); err != nil || len(conversations) != 1 {
			t.Fatalf("conversations %v, %v", conversations, err)
		}
		say := []any{m.theirs.ID, conversations[0], "in the conversation", "", int32(0)}
		if err := m.theirs.Call(ctx, configuration, "sendMessage", say, nil); err != nil {
			t.Fatal(err)
		}

		// They look for a commit that we are said to have.
		tell := map[string]string{"application/im-gitmessage-id": fmt.Sprintf(
			`{"id":%q,"commit":"%040d","deviceId":%q}`, conversations[0], 1, m.ourDevice(t, ctx),
		)}
		if err := m.ours.Call(ctx, configuration, "sendTextMessage", []any{m.ours.ID, m.theirs.URI, tell}, []any{new(uint64)}); err != nil {
			t.Fatal(err)
		}
		if err := peers.Eventually(ctx, func() (bool, error) {
			declined := stands().Declined - before.Declined
			return declined > 0, fmt.Errorf("%d channels are declined", declined)
		}); err != nil {
			t.Fatal(err)
		}

		// A card as their clients send it, and one that is too large for a message.
		const pieces, piece = 40, 6000
		theirMark := m.theirs.Mark()
		for i := range pieces {
			media := fmt.Sprintf("x-ring/ring.profile.vcard;id=1;part=%d;of=%d", i+1, pieces)
			m.sendAs(t, ctx, media, strings.Repeat("A", piece))
		}
		m.delivered(t, ctx, theirMark, pieces)
		mark = m.ours.Mark()
		send(t, ctx, m.theirs, m.ours.URI, "after the card")
		waitMessage(t, ctx, m.ours, mark, m.theirs.URI, "text/plain", "after the card")
		for _, s := range m.ours.Signals(0) {
			if s.Name == "incomingAccountMessage" && !isMessage(s, m.theirs.URI, "text/plain", "after the card") {
				t.Errorf("shown to people: %.100v", s.Args)
			}
		}
		after := stands()
		if !after.Since.Equal(before.Since) || after.BytesIn-before.BytesIn < pieces*piece {
			t.Errorf("connection %+v, before %+v", after, before)
		}

		m.sendAs(t, ctx, "x-ring/ring.profile.vcard;id=2;part=1;of=1", strings.Repeat("A", 300<<10))
		mark = m.theirs.Mark()
		send(t, ctx, m.ours, m.theirs.URI, "still there")
		waitMessage(t, ctx, m.theirs, mark, m.ours.URI, "text/plain", "still there")
		if last := stands(); !last.Since.Equal(before.Since) {
			t.Errorf("connection %+v, before %+v", last, before)
		}
	})
}

// sendAs lets them send us a message of a type.
func (m meeting) sendAs(t *testing.T, ctx context.Context, media, content string) {
	t.Helper()
	args := []any{m.theirs.ID, m.ours.URI, map[string]string{media: content}}
	if err := m.theirs.Call(ctx, configuration, "sendTextMessage", args, []any{new(uint64)}); err != nil {
		t.Fatal(err)
	}
}

// delivered waits until so many messages of theirs, after mark, are answered.
func (m meeting) delivered(t *testing.T, ctx context.Context, mark, messages int) {
	t.Helper()
	err := peers.Eventually(ctx, func() (bool, error) {
		sent := 0
		for _, s := range m.theirs.Signals(mark) {
			if s.Name == "accountMessageStatusChanged" && s.Args[4] == int32(2) {
				sent++
			}
		}
		return sent >= messages, fmt.Errorf("%d of %d messages are answered", sent, messages)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ourDevice returns the long id of our device.
func (m meeting) ourDevice(t *testing.T, ctx context.Context) string {
	t.Helper()
	var details map[string]string
	if err := m.ours.Call(ctx, configuration, "getVolatileAccountDetails", []any{m.ours.ID}, []any{&details}); err != nil {
		t.Fatal(err)
	}
	return details["Account.deviceID"]
}
