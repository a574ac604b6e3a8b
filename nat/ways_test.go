package nat

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/internal/simnet"
	"rollcall/nat/relay"
)

func agent(t *testing.T) *ice.Agent {
	t.Helper()
	a, err := ice.Listen(t.Context(), ice.Config{Addrs: []netip.Addr{netip.MustParseAddr("192.168.1.2")}, Listen: simnet.NewStreams().Listen})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// TestRelayRests asks a relay that failed again after a while, or when something
// has changed.
func TestRelayRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		server := relay.Server{Addr: "turn.example", Dial: func(context.Context, string, string) (net.Conn, error) {
			dials++
			return nil, errors.New("refused")
		}}
		w := New(nil, Settings{Relay: server}, nil)
		steps := []struct {
			name   string
			before func()
			want   int
		}{
			{"first", func() {}, 1},
			{"at once", func() {}, 1},
			{"the network changed", w.NetworkChanged, 2},
			{"settings without a change", func() { w.Set(Settings{Relay: server, Mapping: true}) }, 2},
			{"another password", func() {
				server.Password = "another"
				w.Set(Settings{Relay: server})
			}, 3},
			{"before its time", func() { time.Sleep(relayRest - time.Second) }, 3},
			{"after a while", func() { time.Sleep(time.Second) }, 4},
			{"turned off", func() {
				time.Sleep(relayRest)
				w.Set(Settings{})
			}, 4},
		}
		for _, step := range steps {
			step.before()
			if w.Gather(t.Context(), agent(t)) != nil {
				t.Error("a relay")
			}
			if dials != step.want {
				t.Errorf("%s: asked %d times, want %d", step.name, dials, step.want)
			}
		}
	})
}

func TestPublic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := agent(t)
		w := New(nil, Settings{Public: netip.MustParseAddr("203.0.113.1")}, nil)
		w.Gather(t.Context(), a)
		w.Gather(t.Context(), a) // tells nothing new
		var public []signaling.Candidate
		for _, c := range a.Description().Candidates {
			if c.Type == signaling.ServerReflexive {
				public = append(public, c)
			}
		}
		if len(public) != 1 || public[0].Addr != netip.MustParseAddrPort("203.0.113.1:9") || public[0].TCPType != signaling.Active {
			t.Errorf("%v", public)
		}
	})
}

func TestAddrsOf(t *testing.T) {
	candidate := func(kind signaling.Type, addr string) signaling.Candidate {
		return signaling.Candidate{Type: kind, Addr: netip.MustParseAddrPort(addr)}
	}
	d := signaling.Description{Candidates: []signaling.Candidate{
		candidate(signaling.Host, "192.168.1.2:5000"),
		candidate(signaling.Host, "192.168.1.2:9"),
		candidate(signaling.ServerReflexive, "203.0.113.1:9"),
		candidate(signaling.ServerReflexive, "203.0.113.1:5000"),
	}}
	want := []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("192.168.1.2")}
	if got := addrsOf(d); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for i := range 50 {
		d.Candidates = append(d.Candidates, signaling.Candidate{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1)})
	}
	if got := addrsOf(d); len(got) != maxPermits {
		t.Errorf("%d addresses", len(got))
	}
}

func TestCheckPublic(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		mapped string
		seen   []netip.Addr
		ok     bool
	}{
		{"203.0.113.1", nil, true},
		{"203.0.113.1", []netip.Addr{addr("203.0.113.1")}, true},
		{"203.0.113.1", []netip.Addr{addr("203.0.113.9")}, false},
		{"192.168.0.1", nil, false},
		{"100.64.0.1", nil, false},
	}
	for _, tt := range tests {
		if err := CheckPublic(addr(tt.mapped), tt.seen); (err == nil) != tt.ok {
			t.Errorf("%s seen as %v: %v", tt.mapped, tt.seen, err)
		}
	}
}
