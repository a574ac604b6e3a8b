//go:build peers

package peer

import (
	"context"
	"testing"
	"time"

	"rollcall/presence"
)

// TestWeAsk connects to the C++ daemon as soon as it is a contact, and sees it
// leave by kill, come back, and leave by itself.
func TestWeAsk(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		status := func(mark int, begin time.Time, statuses ...presence.Status) time.Duration {
			t.Helper()
			return m.waitStatus(t, ctx, mark, statuses...).At.Sub(begin)
		}
		mark := m.ours.Mark()
		m.befriend(t, ctx)
		took := status(mark, time.Now(), presence.Connected)
		t.Logf("connected after %v", took)
		if took > 2*time.Second {
			t.Errorf("connected %v after the contact was confirmed", took)
		}

		mark = m.ours.Mark()
		begin := time.Now()
		m.theirs.Kill()
		took = status(mark, begin, presence.Online, presence.Offline)
		t.Logf("kill seen after %v", took)
		if took > 30*time.Second {
			t.Errorf("kill seen after %v", took)
		}

		m.slow()
		mark = m.ours.Mark()
		m.theirs.Restart()
		t.Logf("connected again, from far, after %v", status(mark, time.Now(), presence.Connected))

		mark = m.ours.Mark()
		begin = time.Now()
		if err := m.theirs.Terminate(); err != nil {
			t.Logf("their end: %v", err)
		}
		took = status(mark, begin, presence.Online, presence.Offline)
		t.Logf("exit seen after %v", took)
		if took > 5*time.Second {
			t.Errorf("exit seen after %v", took)
		}
	})
}

// TestTheyAsk lets the C++ daemon connect from far, because it has something to
// say.
func TestTheyAsk(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		m.slow()
		if err := m.ours.AddContact(ctx, m.theirs.URI); err != nil {
			t.Fatal(err)
		}
		mark := m.ours.Mark()
		begin := time.Now()
		var id uint64
		text := map[string]string{"text/plain": "hello"}
		if err := m.theirs.Call(ctx, configuration, "sendTextMessage", []any{m.theirs.ID, m.ours.URI, text}, []any{&id}); err != nil {
			t.Fatal(err)
		}
		t.Logf("connected after %v", m.waitStatus(t, ctx, mark, presence.Connected).At.Sub(begin))
	})
}
