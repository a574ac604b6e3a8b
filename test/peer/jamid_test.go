//go:build peers

// Package peer tests the connections of our daemon with the C++ one, over D-Bus
// only and on a network of their own.
package peer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rollcall/presence"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

const (
	configuration = "ConfigurationManager"
	// limit bounds one scenario.
	limit = 90 * time.Second
)

// meeting is an account of our daemon and one of the C++ daemon, each on a host of
// its own, on a network with a dhtnode.
type meeting struct {
	ours, theirs       *peers.Account
	ourHost, theirHost *netns.Host
}

// meet runs a scenario of a meeting.
func meet(t *testing.T, scenario func(t *testing.T, ctx context.Context, m meeting)) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	network := netns.New(t)
	node := peers.DHTNode.Start(t, network.HostIPv4(), peers.NodeConfig{Port: 4222})
	m := meeting{ourHost: network.HostIPv4(), theirHost: network.HostIPv4()}
	var err error
	kind := peers.RollcallDaemon("--log-level", "debug")
	if m.ours, err = kind.Start(t, m.ourHost).AddAccount(ctx, "ours", node.Addr()); err != nil {
		t.Fatal(err)
	}
	if m.theirs, err = peers.Jamid.Start(t, m.theirHost).AddAccount(ctx, "theirs", node.Addr()); err != nil {
		t.Fatal(err)
	}
	scenario(t, ctx, m)
}

// befriend makes them contacts who have confirmed.
func (m meeting) befriend(t *testing.T, ctx context.Context) {
	t.Helper()
	mark := m.ours.Mark()
	if err := m.theirs.SendRequest(ctx, m.ours.URI, []byte("card")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ours.WaitSignal(ctx, mark, "incomingTrustRequest", m.ours.ID); err != nil {
		t.Fatal(err)
	}
	if err := m.ours.AcceptRequest(ctx, m.theirs.URI); err != nil {
		t.Fatal(err)
	}
}

// waitStatus waits until our daemon tells this status of theirs.
func (m meeting) waitStatus(t *testing.T, ctx context.Context, mark int, statuses ...presence.Status) peers.Signal {
	t.Helper()
	s, err := m.ours.Wait(ctx, mark, fmt.Sprint("status ", statuses), func(s peers.Signal) bool {
		if s.Name != "newBuddyNotification" || s.Args[1] != m.theirs.URI {
			return false
		}
		for _, status := range statuses {
			if s.Args[2] == int32(status) {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWeAsk connects to the C++ daemon as soon as it is a contact, and sees it
// leave by kill, come back, and leave by itself.
func TestWeAsk(t *testing.T) {
	meet(t, func(t *testing.T, ctx context.Context, m meeting) {
		mark := m.ours.Mark()
		m.befriend(t, ctx)
		begin := time.Now()
		s := m.waitStatus(t, ctx, mark, presence.Connected)
		t.Logf("connected after %v", s.At.Sub(begin))
		if took := s.At.Sub(begin); took > 2*time.Second {
			t.Errorf("connected %v after the contact was confirmed", took)
		}

		mark = m.ours.Mark()
		begin = time.Now()
		m.theirs.Kill()
		s = m.waitStatus(t, ctx, mark, presence.Online, presence.Offline)
		t.Logf("kill seen after %v", s.At.Sub(begin))
		if took := s.At.Sub(begin); took > 30*time.Second {
			t.Errorf("kill seen after %v", took)
		}

		m.slow()
		mark = m.ours.Mark()
		m.theirs.Restart()
		begin = time.Now()
		s = m.waitStatus(t, ctx, mark, presence.Connected)
		t.Logf("connected again, from far, after %v", s.At.Sub(begin))

		mark = m.ours.Mark()
		begin = time.Now()
		if err := m.theirs.Terminate(); err != nil {
			t.Logf("their end: %v", err)
		}
		s = m.waitStatus(t, ctx, mark, presence.Online, presence.Offline)
		t.Logf("exit seen after %v", s.At.Sub(begin))
	})
}

// slow makes the way between them as long as around the world.
func (m meeting) slow() {
	for _, host := range []*netns.Host{m.ourHost, m.theirHost} {
		host.Impair(netns.Impairment{Delay: 60 * time.Millisecond})
	}
}

// TestTheyAsk lets the C++ daemon connect, because it has something to say.
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
		s := m.waitStatus(t, ctx, mark, presence.Connected)
		t.Logf("connected after %v", s.At.Sub(begin))
	})
}
