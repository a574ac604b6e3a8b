//go:build peers

package peer

import (
	"context"
	"testing"
	"time"

	"rollcall/presence"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// TestRollcalls connects two daemons of ours, in either family of addresses: they
// see when the other leaves, by itself or by force, and when the cable is out.
func TestRollcalls(t *testing.T) {
	for name, newHost := range map[string]func(*netns.Network) *netns.Host{
		"IPv4": (*netns.Network).HostIPv4,
		"IPv6": (*netns.Network).HostIPv6,
	} {
		t.Run(name, func(t *testing.T) {
			meetOn(t, peers.RollcallDaemon("--log-level", "debug"), newHost, testRollcalls)
		})
	}
}

func testRollcalls(t *testing.T, ctx context.Context, m meeting) {
	sides := [][2]*peers.Account{{m.ours, m.theirs}, {m.theirs, m.ours}}
	// both waits until both sides tell one of the statuses of each other.
	both := func(what string, most time.Duration, do func(), statuses ...presence.Status) {
		t.Helper()
		marks := [2]int{m.ours.Mark(), m.theirs.Mark()}
		do()
		begin := time.Now()
		for i, side := range sides {
			took := waitStatus(t, ctx, side[0], marks[i], side[1].URI, statuses...).At.Sub(begin)
			t.Logf("%s: after %v", what, took)
			if took > most {
				t.Errorf("%s: after %v, want at most %v", what, took, most)
			}
		}
	}
	both("connected", atOnce, func() { m.befriend(t, ctx) }, presence.Connected)
	both("unplugged", silence, m.ourHost.Unplug, presence.Online, presence.Offline)
	both("plugged", 2*silence, m.ourHost.Plug, presence.Connected)

	gone := func(what string, most time.Duration, do func()) {
		t.Helper()
		mark := m.ours.Mark()
		begin := time.Now()
		do()
		took := m.waitStatus(t, ctx, mark, presence.Online, presence.Offline).At.Sub(begin)
		t.Logf("%s: after %v", what, took)
		if took > most {
			t.Errorf("%s: seen after %v, want at most %v", what, took, most)
		}
	}
	gone("killed", silence, m.theirs.Kill)
	both("restarted", silence, m.theirs.Restart, presence.Connected)
	gone("left", atOnce, func() {
		if err := m.theirs.Terminate(); err != nil {
			t.Error(err)
		}
	})
}
