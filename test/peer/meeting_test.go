//go:build peers

// Package peer tests the connections of our daemon, with the C++ one and with
// itself, over D-Bus only and on a network of their own.
package peer

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/presence"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

const (
	configuration = "ConfigurationManager"
	// limit bounds one scenario.
	limit = 8 * time.Minute
	// atOnce bounds what needs a few packets, on a machine that is busy. Whatever
	// has to wait for a timer of ours or of theirs takes longer.
	atOnce = 15 * time.Second
	// silence bounds what is seen because nothing is heard any more, for 30 s.
	silence = 45 * time.Second
)

// meeting is an account of our daemon and one of another, each on a host of its
// own, on a network with a node.
type meeting struct {
	ours, theirs       *peers.Account
	ourHost, theirHost *netns.Host
}

// meet runs a scenario of a meeting with the C++ daemon.
func meet(t *testing.T, scenario func(t *testing.T, ctx context.Context, m meeting)) {
	meetOn(t, peers.Jamid, (*netns.Network).HostIPv4, scenario)
}

// meetOn runs a scenario of a meeting with a daemon, on hosts of a kind.
func meetOn(t *testing.T, other peers.DaemonKind, newHost func(*netns.Network) *netns.Host, scenario func(t *testing.T, ctx context.Context, m meeting)) {
	t.Parallel()
	network := netns.New(t)
	node := peers.RollcallNode.Start(t, newHost(network), peers.NodeConfig{Port: 4222})
	m := meeting{ourHost: newHost(network), theirHost: newHost(network)}
	our, their := peers.RollcallDaemon("--log-level", "debug").Start(t, m.ourHost), other.Start(t, m.theirHost)

	// The programs are built by now.
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var err error
	if m.ours, err = our.AddAccount(ctx, "ours", node.Addr()); err != nil {
		t.Fatal(err)
	}
	if m.theirs, err = their.AddAccount(ctx, "theirs", node.Addr()); err != nil {
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

// slow makes the way between them as long as around the world.
func (m meeting) slow() {
	for _, host := range []*netns.Host{m.ourHost, m.theirHost} {
		host.Impair(netns.Impairment{Delay: 60 * time.Millisecond})
	}
}

// waitStatus waits until our daemon tells one of these statuses of theirs.
func (m meeting) waitStatus(t *testing.T, ctx context.Context, mark int, statuses ...presence.Status) peers.Signal {
	t.Helper()
	return waitStatus(t, ctx, m.ours, mark, m.theirs.URI, statuses...)
}

// waitStatus waits until a daemon of ours tells one of these statuses of a uri.
func waitStatus(t *testing.T, ctx context.Context, a *peers.Account, mark int, uri string, statuses ...presence.Status) peers.Signal {
	t.Helper()
	s, err := a.Wait(ctx, mark, fmt.Sprint("status ", statuses), func(s peers.Signal) bool {
		if s.Name != "newBuddyNotification" || s.Args[1] != uri {
			return false
		}
		status, ok := s.Args[2].(int32)
		return ok && slices.Contains(statuses, presence.Status(status))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
