package agent

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/ice/internal/wire"
	"rollcall/ice/signaling"
)

// world is two agents and the connections between them, in a time of its own.
type world struct {
	t     rapid.TB
	now   time.Time
	sides [2]*side
	mail  []letter // in the order of their sending
}

// side is an agent with its ends of the connections.
type side struct {
	agent    *Agent
	peers    map[LinkID]LinkID // of connections that stand: the other end's name
	selected LinkID
	err      error
	dialed   int
	sent     int
	refuse   func(netip.AddrPort) bool // addresses that cannot be reached from here
	lose     func(n int) bool          // whether the n-th message, from 1, is lost
}

// letter is what is under way to a side.
type letter struct {
	to   int
	link LinkID
	body []byte // nil: the other end closed
}

func newWorld(t rapid.TB, controlling [2]bool) *world {
	w := &world{t: t, now: time.Unix(1000, 0)}
	for i := range w.sides {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		a, err := New(controlling[i], rng, rand.NewChaCha8([32]byte{byte(i)}))
		if err != nil {
			t.Fatal(err)
		}
		w.sides[i] = &side{
			agent:  a,
			peers:  make(map[LinkID]LinkID),
			refuse: func(netip.AddrPort) bool { return false },
			lose:   func(int) bool { return false },
		}
	}
	return w
}

// host offers an address of side i, as its driver does.
func (w *world) host(i int, kinds ...signaling.TCPType) {
	addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
	for _, kind := range kinds {
		port := uint16(signaling.ActivePort)
		if kind == signaling.Passive {
			port = 4000
		}
		if err := w.sides[i].agent.AddCandidate(signaling.Host, kind, netip.AddrPortFrom(addr, port)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// meet tells side i about the other.
func (w *world) meet(i int) {
	if err := w.sides[i].agent.SetRemote(w.now, w.sides[1-i].agent.Local()); err != nil {
		w.t.Fatal(err)
	}
	w.effects(i)
}

// effects carries out what side i wants.
func (w *world) effects(i int) {
	s, other := w.sides[i], w.sides[1-i]
	for effects := s.agent.Effects(); len(effects) > 0; effects = s.agent.Effects() {
		for _, e := range effects {
			switch e.Kind {
			case Dial:
				s.dialed++
				id, ok := LinkID(0), false
				if !s.refuse(e.Addr) {
					from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 50000+uint16(e.Link))
					id, ok = other.agent.Accept(w.now, e.Addr, from, false)
				}
				if !ok {
					s.agent.Closed(w.now, e.Link)
					continue
				}
				s.peers[e.Link], other.peers[id] = id, e.Link
				s.agent.Dialed(w.now, e.Link)
			case Send:
				s.sent++
				if peer, ok := s.peers[e.Link]; ok && !s.lose(s.sent) {
					w.mail = append(w.mail, letter{1 - i, peer, e.Frame[wire.HeaderSize:]})
				}
			case Close:
				if peer, ok := s.peers[e.Link]; ok {
					w.mail = append(w.mail, letter{1 - i, peer, nil})
				}
				delete(s.peers, e.Link)
			case Select:
				s.selected = e.Link
			case Fail:
				s.err = e.Err
			}
		}
	}
}

// run delivers mail and passes time until both sides have ended.
func (w *world) run() {
	for steps := 0; ; steps++ {
		if steps > 5000 {
			w.t.Fatal("no end: a timer does not move on")
		}
		for i := range w.sides {
			w.effects(i)
		}
		if len(w.mail) > 0 {
			l := w.mail[0]
			w.mail = w.mail[1:]
			s := w.sides[l.to]
			if _, ok := s.peers[l.link]; !ok {
				continue
			}
			if l.body == nil {
				delete(s.peers, l.link)
				s.agent.Closed(w.now, l.link)
			} else {
				s.agent.Receive(w.now, l.link, l.body)
			}
			continue
		}
		if w.over(0) && w.over(1) {
			return
		}
		next := time.Time{}
		for i, s := range w.sides {
			if !w.over(i) {
				next = sooner(next, s.agent.NextDeadline())
			}
		}
		if next.IsZero() {
			w.t.Fatal("nothing to wait for")
		}
		w.now = later(w.now, next)
		for _, s := range w.sides {
			s.agent.Tick(w.now)
		}
	}
}

func (w *world) over(i int) bool { return w.sides[i].selected != 0 || w.sides[i].err != nil }

// connected fails unless both sides selected the two ends of one connection, in
// opposite roles.
func (w *world) connected() {
	a, b := w.sides[0], w.sides[1]
	if a.err != nil || b.err != nil {
		w.t.Fatalf("failed: %v, %v", a.err, b.err)
	}
	if a.peers[a.selected] != b.selected || b.peers[b.selected] != a.selected {
		w.t.Fatalf("selected %d and %d, which are not one connection", a.selected, b.selected)
	}
	if a.agent.Controlling() == b.agent.Controlling() {
		w.t.Fatal("both sides have the same role")
	}
}

const (
	active  = signaling.Active
	passive = signaling.Passive
)

func TestConnects(t *testing.T) {
	both := []signaling.TCPType{passive, active}
	tests := []struct {
		name  string
		roles [2]bool
		kinds [2][]signaling.TCPType
		setup func(w *world)
		most  time.Duration // that it takes
	}{
		{"both dial", [2]bool{false, true}, [2][]signaling.TCPType{both, both}, nil, 0},
		{
			"only the controlling side dials",
			[2]bool{false, true},
			[2][]signaling.TCPType{both, both},
			func(w *world) { w.sides[0].refuse = func(netip.AddrPort) bool { return true } }, 0,
		},
		{
			"only the controlled side dials",
			[2]bool{false, true},
			[2][]signaling.TCPType{both, both},
			func(w *world) { w.sides[1].refuse = func(netip.AddrPort) bool { return true } }, 0,
		},
		{"passive only", [2]bool{false, true}, [2][]signaling.TCPType{{passive}, both}, nil, 0},
		{"both controlling", [2]bool{true, true}, [2][]signaling.TCPType{both, both}, nil, time.Second},
		{"both controlled", [2]bool{false, false}, [2][]signaling.TCPType{both, both}, nil, time.Second},
		{
			"a lost check",
			[2]bool{false, true},
			[2][]signaling.TCPType{both, both},
			func(w *world) { w.sides[1].lose = func(n int) bool { return n == 1 } }, 2 * time.Second,
		},
		{
			"three lost answers",
			[2]bool{false, true},
			[2][]signaling.TCPType{{passive}, both},
			func(w *world) { w.sides[0].lose = func(n int) bool { return n <= 3 } }, 8 * time.Second,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.roles)
			for i := range w.sides {
				w.host(i, tt.kinds[i]...)
			}
			if tt.setup != nil {
				tt.setup(w)
			}
			start := w.now
			w.meet(1)
			w.meet(0)
			w.run()
			w.connected()
			if took := w.now.Sub(start); took > tt.most {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestChecksThatComeBeforeTheDescription(t *testing.T) {
	w := newWorld(t, [2]bool{false, true})
	w.host(0, passive, active)
	w.host(1, passive, active)
	w.meet(1)
	for len(w.mail) > 0 {
		l := w.mail[0]
		w.mail = w.mail[1:]
		w.sides[l.to].agent.Receive(w.now, l.link, l.body)
		w.effects(0)
		w.effects(1)
	}
	if w.over(0) || !w.over(1) {
		t.Fatal("the controlling side should be done, and the other wait for the description")
	}
	w.meet(0)
	w.run()
	w.connected()
	if w.sides[0].dialed > 0 {
		t.Error("dialled though the peer had chosen already")
	}
}

func TestFails(t *testing.T) {
	never := func(netip.AddrPort) bool { return true }
	tests := []struct {
		name  string
		kinds [2][]signaling.TCPType
		setup func(w *world)
		want  error
		after time.Duration
	}{
		{"both active", [2][]signaling.TCPType{{active}, {active}}, nil, ErrNoPair, 0},
		{"no candidates", [2][]signaling.TCPType{{passive, active}, nil}, nil, ErrNoPair, 0},
		{
			"unreachable",
			[2][]signaling.TCPType{{passive, active}, {passive, active}},
			func(w *world) { w.sides[0].refuse, w.sides[1].refuse = never, never }, ErrUnreachable, idleTimeout,
		},
		{
			"unreachable, nobody can come",
			[2][]signaling.TCPType{{active}, {passive}},
			func(w *world) { w.sides[0].refuse = never }, ErrUnreachable, 0,
		},
		{
			"never answers",
			[2][]signaling.TCPType{{active}, {passive}},
			func(w *world) { w.sides[1].lose = func(int) bool { return true } }, ErrUnreachable, totalTimeout,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, [2]bool{false, true})
			for i := range w.sides {
				w.host(i, tt.kinds[i]...)
			}
			if tt.setup != nil {
				tt.setup(w)
			}
			start := w.now
			w.meet(0)
			for !w.over(0) {
				w.mail = nil
				w.now = later(w.now, w.sides[0].agent.NextDeadline())
				w.sides[0].agent.Tick(w.now)
				w.effects(0)
			}
			if err := w.sides[0].err; !errors.Is(err, tt.want) {
				t.Errorf("failed with %v, want %v", err, tt.want)
			}
			if took := w.now.Sub(start); took > tt.after {
				t.Errorf("took %v, want at most %v", took, tt.after)
			}
			if !w.sides[0].agent.NextDeadline().IsZero() {
				t.Error("a timer goes on after the failure")
			}
		})
	}
}

func TestControlledGivesUpWithoutNomination(t *testing.T) {
	w := newWorld(t, [2]bool{false, true})
	w.host(0, passive, active)
	w.host(1, passive)
	w.meet(0)
	// The peer answers, but was never told whom it deals with: it cannot choose.
	for !w.over(0) {
		for _, l := range w.mail {
			w.sides[l.to].agent.Receive(w.now, l.link, l.body)
		}
		w.mail = nil
		w.effects(1)
		if len(w.mail) == 0 {
			w.now = later(w.now, w.sides[0].agent.NextDeadline())
			w.sides[0].agent.Tick(w.now)
		}
		w.effects(0)
	}
	if err := w.sides[0].err; !errors.Is(err, ErrNotNominated) {
		t.Errorf("failed with %v", err)
	}
}

func TestWhateverIsLostBothSidesEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var roles [2]bool
		roles[0], roles[1] = rapid.Bool().Draw(t, "role 0"), rapid.Bool().Draw(t, "role 1")
		w := newWorld(t, roles)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for i, s := range w.sides {
			loss := rapid.Float64Range(0, 1).Draw(t, "loss")
			s.lose = func(int) bool { return rng.Float64() < loss }
			refused := rapid.Float64Range(0, 1).Draw(t, "refused")
			s.refuse = func(netip.AddrPort) bool { return rng.Float64() < refused }
			w.host(i, passive, active)
		}
		start := w.now
		first := rapid.IntRange(0, 1).Draw(t, "first")
		w.meet(first)
		w.meet(1 - first)
		w.run()
		if took := w.now.Sub(start); took > totalTimeout {
			t.Fatalf("took %v", took)
		}
		if a, b := w.sides[0], w.sides[1]; a.selected != 0 && b.selected != 0 {
			w.connected()
		}
	})
}

func TestRelayIsChosenWhenNothingBetterComes(t *testing.T) {
	relay := netip.MustParseAddrPort("192.0.2.1:3478")
	tests := []struct {
		name    string
		direct  bool
		relayed bool
		after   time.Duration
	}{
		{"direct as well", true, false, 0},
		{"relay alone", false, true, relayDelay},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, [2]bool{false, true})
			w.host(0, passive, active)
			w.host(1, active)
			a := w.sides[0].agent
			if err := a.AddCandidate(signaling.Relayed, passive, relay); err != nil {
				t.Fatal(err)
			}
			b := w.sides[1].agent
			if err := b.SetRemote(w.now, a.Local()); err != nil {
				t.Fatal(err)
			}
			// Dialling the direct address hangs, unless it may succeed.
			start := w.now
			var nominated time.Duration = -1
			for nominated < 0 {
				for _, e := range b.Effects() {
					switch e.Kind {
					case Dial:
						if e.Addr == relay || tt.direct {
							from := netip.MustParseAddrPort("10.0.0.2:50000")
							id, _ := a.Accept(w.now, e.Addr, from, e.Addr == relay)
							w.sides[0].peers[id] = e.Link
							b.Dialed(w.now, e.Link)
						}
					case Send:
						m, err := wire.ParseMessage(e.Frame[wire.HeaderSize:])
						if err != nil {
							t.Fatal(err)
						}
						if m.Request.Nominate {
							nominated = w.now.Sub(start)
							if got := b.find(e.Link).relayed; got != tt.relayed {
								t.Errorf("nominated a relayed connection: %v, want %v", got, tt.relayed)
							}
						}
						answer := wire.AppendSuccess(nil, m.ID, relay, a.Local().Password)
						b.Receive(w.now, e.Link, answer[wire.HeaderSize:])
					case Fail:
						t.Fatal(e.Err)
					}
				}
				if nominated < 0 && len(b.effects) == 0 {
					w.now = later(w.now, b.NextDeadline())
					b.Tick(w.now)
				}
			}
			if nominated < tt.after || nominated > tt.after+100*time.Millisecond {
				t.Errorf("nominated after %v, want %v", nominated, tt.after)
			}
		})
	}
}

func TestRelayIsDialedAgain(t *testing.T) {
	w := newWorld(t, [2]bool{true, false})
	w.host(0, active)
	if err := w.sides[1].agent.AddCandidate(signaling.Relayed, passive, netip.MustParseAddrPort("192.0.2.1:3478")); err != nil {
		t.Fatal(err)
	}
	w.sides[0].refuse = func(netip.AddrPort) bool { return true }
	w.meet(0)
	for !w.over(0) {
		w.now = later(w.now, w.sides[0].agent.NextDeadline())
		w.sides[0].agent.Tick(w.now)
		w.effects(0)
	}
	if got := w.sides[0].dialed; got != relayDials {
		t.Errorf("dialled %d times, want %d", got, relayDials)
	}
}

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

func TestKeepalives(t *testing.T) {
	w := newWorld(t, [2]bool{false, true})
	w.host(0, passive, active)
	w.host(1, passive, active)
	w.meet(1)
	w.meet(0)
	w.run()
	w.connected()
	a := w.sides[0].agent
	last := w.now
	for range 20 {
		next := a.NextDeadline()
		if pause := next.Sub(last); pause < keepaliveMin || pause >= keepaliveMin+keepaliveSpread {
			t.Errorf("a keepalive after %v", pause)
		}
		a.Tick(next)
		effects := a.Effects()
		if len(effects) != 1 || effects[0].Kind != Send {
			t.Fatalf("effects %+v", effects)
		}
		if m, err := wire.ParseMessage(effects[0].Frame[wire.HeaderSize:]); err != nil || m.Kind != wire.KindIndication {
			t.Errorf("sent %+v, %v", m, err)
		}
		last = next
	}
}

func TestAfterTheSelection(t *testing.T) {
	w := newWorld(t, [2]bool{false, true})
	w.host(0, passive, active)
	w.host(1, passive, active)
	w.meet(1)
	w.meet(0)
	w.run()
	w.connected()
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
