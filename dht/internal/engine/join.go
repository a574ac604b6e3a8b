package engine

import (
	"net/netip"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/wire"
)

// seek is the state of finding the network: how long to wait between two tries,
// and whether it is found.
type seek struct {
	timer  timer
	pause  time.Duration
	joined bool
}

// Contact pings nodes whose ids are unknown, such as bootstrap nodes.
func (e *Engine) Contact(now time.Time, addrs []netip.AddrPort) {
	e.now = now
	for _, addr := range addrs {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		if e.familyOf(addr.Addr()) == nil || routing.Martian(addr) {
			continue
		}
		e.contacting++
		done := func() { e.contacting--; e.recount = true }
		e.ping(now, addr, false, search.Handler{
			Reply: func(time.Time, *wire.Message, []*routing.Node) { done() },
			Fail:  func(time.Time, error) { done() },
		})
	}
	e.recount = true
	e.settle(now)
}

// Meet tells the node of another one that is said to be at an address, such as
// one found in the local network.
func (e *Engine) Meet(now time.Time, node wire.Node) {
	e.now = now
	e.introduce(now, node)
	e.settle(now)
}

func (e *Engine) introduce(now time.Time, node wire.Node) {
	f := e.familyOf(node.Addr.Addr())
	if f == nil || node.ID == e.id || node.ID.IsZero() || routing.Martian(node.Addr) {
		return
	}
	if n := f.nodes.Add(now, node.ID, node.Addr); n.Replied.IsZero() {
		e.meet(f, n)
	}
}

// joined explores the neighbourhood of the own id as soon as the first node of
// a family is good (opendht spec 7.7).
func (e *Engine) joined(now time.Time, f *family) {
	e.recount = true
	if f.seek.joined {
		return
	}
	f.seek.joined = true
	f.seek.pause = 0
	e.searchFor(now, f, e.id).search.Visit(now)
	e.set(&f.upkeep, now.Add(e.between(startLeast, startMost)))
}

// seekNetwork asks for the bootstrap nodes again while no node of the family is
// good, at growing intervals. It begins when the last good one is lost, or by sweep when
// none has been heard for long.
func (e *Engine) seekNetwork(now time.Time, f *family) {
	if f.table.HasGood(now) {
		f.seek.pause = 0
		return
	}
	f.seek.joined = false
	f.seek.pause = min(max(2*f.seek.pause, bootstrapFirst), bootstrapMost)
	e.set(&f.seek.timer, now.Add(f.seek.pause))
	e.recount = true
	if !e.connectedAnywhere(now, f) {
		e.effect(Effect{Kind: Seek})
	}
}

// connectedAnywhere reports whether another family than f has a good node.
func (e *Engine) connectedAnywhere(now time.Time, f *family) bool {
	for _, g := range e.families {
		if g != f && g.table.HasGood(now) {
			return true
		}
	}
	return false
}

// keepUp keeps the routing table of a family alive.
func (e *Engine) keepUp(now time.Time, f *family) {
	e.recount = true
	ask, ok := f.table.Maintain(now, e.other(f))
	if !ok {
		e.set(&f.upkeep, now.Add(e.between(quietLeast, quietMost)))
		return
	}
	e.set(&f.upkeep, now.Add(e.between(busyLeast, busyMost)))
	m := wire.Message{Kind: wire.Request, Method: wire.Find, Key: ask.Target}
	if ask.Both {
		m.Want = wire.WantGiven | wire.WantIPv4 | wire.WantIPv6
	}
	ask.Node.Requested = now
	e.request(now, f, ask.Node, &m, nil, search.Handler{
		Reply: func(_ time.Time, _ *wire.Message, nodes []*routing.Node) {
			for _, n := range nodes {
				if n.Replied.IsZero() {
					e.meet(f, n)
				}
			}
		},
		Fail: ignoreFailure,
	})
}

// ConnectivityChanged makes the node look for its neighbours again: they may
// not be reachable any more, or not under the same address of ours.
func (e *Engine) ConnectivityChanged(now time.Time) {
	e.now = now
	for _, f := range e.families {
		f.nodes.Reset()
		f.table.Reset()
		f.reported.Reset()
		f.seek.joined, f.seek.pause = false, 0
		for _, n := range f.nodes.Closest(e.id, 4*closestNodes, nil, (*routing.Node).Live) {
			e.meet(f, n)
		}
		e.set(&f.seek.timer, now.Add(bootstrapFirst))
		e.set(&f.upkeep, now.Add(e.between(startLeast, startMost)))
		for _, s := range f.searches {
			s.search.Renew(now)
		}
	}
	e.meetStrangers(now)
	e.recount = true
	e.settle(now)
}
