//go:build peers

package peer

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
	"rollcall/presence"
)

// TestSizes exchanges texts of every size with the C++ daemon, which takes no records:
// they arrive whole, or are refused at once. One that it cannot send itself, for which
// it closes the channel, leaves the connection as it is.
func TestSizes(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		mark := m.ours.Mark()
		m.befriend(t, ctx)
		m.waitStatus(t, ctx, mark, presence.Connected)
		send(t, ctx, m.ours, m.theirs.URI, "the first") // from then on the way is known
		waitMessage(t, ctx, m.theirs, 0, m.ours.URI, "text/plain", "the first")
		c := httpClient(t, m.ours)
		before, err := c.Connections(ctx, m.ours.ID)
		if err != nil || len(before) != 1 {
			t.Fatalf("connections %v, %v", before, err)
		}

		their, err := infohash.Parse(m.theirs.URI)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1 << 10, 6 << 10, 16 << 10, 40 << 10, 60 << 10} {
			content := strings.Repeat(fmt.Sprintf("%8d", size), size/8)
			mark, theirMark := m.ours.Mark(), m.theirs.Mark()
			_, err := c.SendText(ctx, m.ours.ID, their, schema.NewText{Content: content})
			if size > 8000 { // what they read at once
				if err == nil || !strings.Contains(err.Error(), fmt.Sprint(size)) {
					t.Errorf("%d bytes from us: %v", size, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			waitMessage(t, ctx, m.theirs, theirMark, m.ours.URI, "text/plain", content)
			send(t, ctx, m.theirs, m.ours.URI, content)
			waitMessage(t, ctx, m.ours, mark, m.theirs.URI, "text/plain", content)
		}

		mark, theirMark := m.ours.Mark(), m.theirs.Mark()
		send(t, ctx, m.theirs, m.ours.URI, strings.Repeat("large", 16<<10/5))
		m.waitStatus(t, ctx, mark, presence.Connected) // by another channel
		send(t, ctx, m.ours, m.theirs.URI, "the last")
		waitMessage(t, ctx, m.theirs, theirMark, m.ours.URI, "text/plain", "the last")
		for _, s := range m.ours.Signals(mark) {
			if isMessage(s, m.theirs.URI, "text/plain", "large") {
				t.Errorf("a part of a text is shown: %.100v", s.Args)
			}
		}
		after, err := c.Connections(ctx, m.ours.ID)
		if err != nil || len(after) != 1 || !after[0].Since.Equal(before[0].Since) {
			t.Errorf("connections %v, %v, before %v", after, err, before)
		}
	})
}
