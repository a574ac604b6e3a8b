package agent

import (
	"net/netip"
	"testing"

	"rollcall/ice/internal/wire"
	"rollcall/ice/signaling"
)

func TestHostileConnections(t *testing.T) {
	from := netip.MustParseAddrPort("10.0.0.9:1234")
	at := netip.MustParseAddrPort("10.0.0.1:4000")
	fresh := func(t *testing.T) (*world, *Agent, LinkID) {
		w := newWorld(t, [2]bool{false, true})
		w.host(0, passive, active)
		a := w.sides[0].agent
		id, ok := a.Accept(w.now, at, from, false)
		if !ok {
			t.Fatal("refused the first connection")
		}
		return w, a, id
	}
	closed := func(a *Agent) bool {
		for _, e := range a.Effects() {
			if e.Kind == Close {
				return true
			}
		}
		return false
	}
	request := func(a *Agent, username, password string) []byte {
		r := &wire.Request{Username: username, Controlling: true}
		return wire.AppendRequest(nil, wire.TransactionID{1}, r, password)[wire.HeaderSize:]
	}
	tests := []struct {
		name  string
		input func(w *world, a *Agent, id LinkID)
	}{
		{"silence", func(w *world, a *Agent, _ LinkID) { a.Tick(w.now.Add(helloTimeout)) }},
		{"data first", func(w *world, a *Agent, id LinkID) { a.Data(w.now, id) }},
		{"not STUN", func(w *world, a *Agent, id LinkID) { a.Receive(w.now, id, []byte("GET / HTTP/1.1\r\n")) }},
		{"another ufrag", func(w *world, a *Agent, id LinkID) {
			a.Receive(w.now, id, request(a, "x:y", a.Local().Password))
		}},
		{"no ufrag of its own", func(w *world, a *Agent, id LinkID) {
			a.Receive(w.now, id, request(a, a.Local().Ufrag+":", a.Local().Password))
		}},
		{"wrong password", func(w *world, a *Agent, id LinkID) {
			a.Receive(w.now, id, request(a, a.Local().Ufrag+":y", "guess"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, a, id := fresh(t)
			if tt.input(w, a, id); !closed(a) {
				t.Error("the connection stays open")
			}
			if len(a.links) != 0 {
				t.Error("the connection is remembered")
			}
		})
	}
	t.Run("from somebody else than the description", func(t *testing.T) {
		w, a, id := fresh(t)
		a.Receive(w.now, id, request(a, a.Local().Ufrag+":y", a.Local().Password))
		if closed(a) {
			t.Fatal("closed before the description was known")
		}
		w.host(1, passive)
		if err := a.SetRemote(w.now, w.sides[1].agent.Local()); err != nil {
			t.Fatal(err)
		}
		if !closed(a) {
			t.Error("the connection stays open")
		}
	})
	t.Run("too many", func(t *testing.T) {
		w, a, _ := fresh(t)
		for range maxAccepted - 1 {
			if _, ok := a.Accept(w.now, at, from, false); !ok {
				t.Fatal("refused a connection within the limit")
			}
		}
		if _, ok := a.Accept(w.now, at, from, false); ok {
			t.Error("took a connection too many")
		}
	})
}

func TestWhomAPeerMayHaveUsConnectTo(t *testing.T) {
	w := newWorld(t, [2]bool{true, false})
	w.host(0, passive, active)
	peer := w.sides[1].agent.Local()
	offer := func(addr string, tcp signaling.TCPType) {
		peer.Candidates = append(peer.Candidates, signaling.Candidate{Addr: netip.MustParseAddrPort(addr), TCPType: tcp, Priority: 5})
	}
	for _, addr := range []string{"127.0.0.1:22", "0.0.0.0:22", "224.0.0.1:22", "10.0.0.2:0", "[fd00::2]:22"} {
		offer(addr, passive)
	}
	offer("10.0.0.2:9", active)
	offer("10.0.0.2:22", signaling.SimultaneousOpen)
	for i := range 2 * maxDials {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 22).String()
		offer(addr, passive)
		offer(addr, passive)
	}
	a := w.sides[0].agent
	if err := a.SetRemote(w.now, peer); err != nil {
		t.Fatal(err)
	}
	seen := make(map[netip.AddrPort]bool)
	for range maxDials + 10 {
		for _, e := range a.Effects() {
			if e.Kind == Dial {
				if seen[e.Addr] || e.Addr.Addr().As4()[2] != 1 {
					t.Errorf("dials %v", e.Addr)
				}
				seen[e.Addr] = true
			}
		}
		w.now = w.now.Add(dialPause)
		a.Tick(w.now)
	}
	if len(seen) != maxDials {
		t.Errorf("dialled %d addresses, want %d", len(seen), maxDials)
	}
}

// TestManyRelays does not try whatever a peer calls a relay again and again.
func TestManyRelays(t *testing.T) {
	w := newWorld(t, [2]bool{true, false})
	w.host(0, active)
	for i := range 2 * maxDials {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 22)
		if err := w.sides[1].agent.AddCandidate(signaling.Relayed, passive, at); err != nil {
			break
		}
	}
	w.sides[0].refuse = func(netip.AddrPort) bool { return true }
	w.meet(0)
	for !w.over(0) {
		w.now = later(w.now, w.sides[0].agent.NextDeadline())
		w.sides[0].agent.Tick(w.now)
		w.effects(0)
	}
	if got := w.sides[0].dialed; got != maxRelays*relayDials {
		t.Errorf("dialled %d times, want %d", got, maxRelays*relayDials)
	}
}

func TestAfterTheSelection(t *testing.T) {
	w := connectedWorld(t)
	a, id := w.sides[0].agent, w.sides[0].selected
	us, them := a.Local(), w.sides[1].agent.Local()
	request := func(password string, controlling bool) []byte {
		r := &wire.Request{Username: us.Ufrag + ":" + them.Ufrag, Controlling: controlling, Nominate: true}
		return wire.AppendRequest(nil, wire.TransactionID{1}, r, password)[wire.HeaderSize:]
	}
	tests := []struct {
		name    string
		message []byte
		effects int
	}{
		{"a late check is answered", request(us.Password, true), 1},
		{"in whatever role", request(us.Password, false), 1},
		{"a wrong one is not", request("guess", true), 0},
		{"nor a keepalive", wire.AppendKeepalive(nil, wire.TransactionID{1})[wire.HeaderSize:], 0},
		{"nor an error", wire.AppendRoleConflict(nil, wire.TransactionID{1}, us.Password)[wire.HeaderSize:], 0},
		{"nor nonsense", []byte("nonsense"), 0},
	}
	for _, tt := range tests {
		a.Receive(w.now, id, tt.message)
		if effects := a.Effects(); len(effects) != tt.effects || tt.effects > 0 && effects[0].Kind != Send {
			t.Errorf("%s: %+v", tt.name, effects)
		}
	}
	if a.Controlling() {
		t.Error("the role changed after the selection")
	}
}

func TestConnectingToOneselfEnds(t *testing.T) {
	w := newWorld(t, [2]bool{true, true})
	w.host(0, active)
	a := w.sides[0].agent
	peer := a.Local()
	peer.Candidates = []signaling.Candidate{{Addr: netip.MustParseAddrPort("10.0.0.1:4000"), TCPType: passive}}
	if err := a.SetRemote(w.now, peer); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		for _, e := range a.Effects() {
			switch e.Kind {
			case Dial:
				a.Dialed(w.now, e.Link)
			case Send:
				a.Receive(w.now, e.Link, e.Frame[wire.HeaderSize:]) // it comes back
			case Fail:
				return
			}
		}
	}
	t.Error("no end of role conflicts")
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWorld(t, [2]bool{false, true})
		w.host(0, passive)
		a := w.sides[0].agent
		id, _ := a.Accept(w.now, netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("10.0.0.9:1"), false)
		a.Receive(w.now, id, b)
		for _, e := range a.Effects() {
			if e.Kind == Send || e.Kind == Select {
				t.Fatalf("%+v for a stranger", e)
			}
		}
	})
}
