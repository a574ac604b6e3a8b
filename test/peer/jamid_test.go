//go:build peers

package peer

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rollcall/presence"
	"rollcall/test/leftout"
	"rollcall/test/peers"
)

// exitAttempts bounds how often the C++ daemon is asked to leave: when it takes too
// long it is killed, which says nothing about leaving.
const exitAttempts = 3

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
		if took > atOnce {
			t.Errorf("connected %v after the contact was confirmed", took)
		}

		mark = m.ours.Mark()
		begin := time.Now()
		m.theirs.Kill()
		took = status(mark, begin, presence.Online, presence.Offline)
		t.Logf("kill seen after %v", took)
		if took > silence {
			t.Errorf("kill seen after %v", took)
		}

		m.slow()
		mark = m.ours.Mark()
		m.theirs.Restart()
		t.Logf("connected again, from far, after %v", status(mark, time.Now(), presence.Connected))

		for range exitAttempts {
			mark = m.ours.Mark()
			err := m.theirs.Terminate()
			took = status(mark, time.Now(), presence.Online, presence.Offline)
			t.Logf("exit seen %v after it, their end: %v", took, err)
			if took > atOnce {
				t.Errorf("exit seen %v after it", took)
			}
			if !errors.Is(err, peers.ErrStuck) || took < 0 {
				return
			}
			mark = m.ours.Mark()
			m.theirs.Restart()
			status(mark, time.Now(), presence.Connected)
		}
		leftout.Test(t, "C++ daemon", "it does not end when it is asked to")
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

// TestLink loses and finds the C++ daemon again: its cable is out for a while, and
// then our address is another one.
func TestLink(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		status := func(what string, most time.Duration, do func(), statuses ...presence.Status) {
			t.Helper()
			mark := m.ours.Mark()
			do()
			begin := time.Now()
			took := m.waitStatus(t, ctx, mark, statuses...).At.Sub(begin)
			t.Logf("%s: after %v", what, took)
			if took > most {
				t.Errorf("%s: after %v, want at most %v", what, took, most)
			}
		}
		status("connected", limit, func() { m.befriend(t, ctx) }, presence.Connected)
		status("cable out", silence, m.theirHost.Unplug, presence.Online, presence.Offline)
		status("cable in", limit, m.theirHost.Plug, presence.Connected)

		move := func() {
			err := m.ourHost.Do(func() error {
				ip := exec.Command("ip", "-batch", "-")
				ip.Stdin = strings.NewReader("addr del " + m.ourHost.IPv4.String() + "/8 dev eth0\naddr add 10.200.0.1/8 dev eth0\n")
				return ip.Run()
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		status("moved", silence, move, presence.Online, presence.Offline)
		status("settled", limit, func() {}, presence.Connected)
	})
}

// TestStranger does not answer the C++ daemon, which is no contact, though we follow
// it.
func TestStranger(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		mark := m.ours.Mark()
		if err := m.ours.Track(ctx, m.theirs.URI, true); err != nil {
			t.Fatal(err)
		}
		m.waitStatus(t, ctx, mark, presence.Online)
		send(t, ctx, m.theirs, m.ours.URI, "hello from a stranger")
		quiet, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if s, err := m.ours.WaitSignal(quiet, mark, "newBuddyNotification", m.ours.ID, m.theirs.URI, int32(presence.Connected)); err == nil {
			t.Errorf("a stranger is connected: %v", s)
		}
	})
}
