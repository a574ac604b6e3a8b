package agent

import (
	"math/rand/v2"
	"net/netip"
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
		a, err := New(controlling[i], rand.NewChaCha8([32]byte{byte(i)}))
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

// connectedWorld returns one whose sides have connected.
func connectedWorld(t rapid.TB) *world {
	t.Helper()
	w := newWorld(t, [2]bool{false, true})
	w.host(0, passive, active)
	w.host(1, passive, active)
	w.meet(1)
	w.meet(0)
	w.run()
	w.connected()
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
