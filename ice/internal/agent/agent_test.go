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

func TestRelayThatClosesIsDialedAgain(t *testing.T) {
	w := newWorld(t, [2]bool{true, false})
	w.host(0, active)
	if err := w.sides[1].agent.AddCandidate(signaling.Relayed, passive, netip.MustParseAddrPort("192.0.2.1:3478")); err != nil {
		t.Fatal(err)
	}
	a := w.sides[0].agent
	if err := a.SetRemote(w.now, w.sides[1].agent.Local()); err != nil {
		t.Fatal(err)
	}
	dialed, checks := 0, 0
	for ended := false; !ended; {
		for effects := a.Effects(); len(effects) > 0; effects = a.Effects() {
			for _, e := range effects {
				switch e.Kind {
				case Dial:
					dialed++
					a.Dialed(w.now, e.Link)
				case Send:
					checks++
					a.Closed(w.now, e.Link)
				case Fail:
					ended = true
				}
			}
		}
		w.now = later(w.now, a.NextDeadline())
		a.Tick(w.now)
	}
	if dialed != relayDials || checks != relayDials {
		t.Errorf("dialled %d times with %d checks, want %d", dialed, checks, relayDials)
	}
}

func TestKeepalives(t *testing.T) {
	w := connectedWorld(t)
	a := w.sides[0].agent
	last := w.now
	for range 20 {
		next := a.NextDeadline()
		if pause := next.Sub(last); pause != keepalive {
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
	// What else is sent does the same.
	sent := last.Add(19 * time.Second)
	a.Sent(sent)
	if next := a.NextDeadline(); next.Sub(sent) != keepalive {
		t.Errorf("a keepalive %v after something else", next.Sub(sent))
	}
	a.Tick(sent.Add(time.Second))
	if effects := a.Effects(); len(effects) > 0 {
		t.Errorf("effects %+v", effects)
	}
}
