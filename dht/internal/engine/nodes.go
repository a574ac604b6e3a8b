package engine

import (
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/wire"
)

// family is what a node knows of one address family.
type family struct {
	v6       bool
	nodes    *routing.Nodes
	table    *routing.Table
	reported routing.Reported
	searches []*searchTimer

	strangers []*routing.Node // to be pinged for the first time
	seek      seek
	upkeep    timer

	packed []byte          // nodes of the reply being built
	near   []*routing.Node // scratch
	named  []*routing.Node // scratch: nodes that a reply names
}

func (e *Engine) newFamily(now time.Time, v6 bool) *family {
	f := &family{v6: v6, nodes: routing.NewNodes(e.rng), table: routing.NewTable(e.id, false, e.rng)}
	f.upkeep.fire = func(now time.Time) { e.keepUp(now, f) }
	e.set(&f.upkeep, now.Add(e.between(startLeast, startMost)))
	f.seek.timer.fire = func(now time.Time) { e.seekNetwork(now, f) }
	e.set(&f.seek.timer, now.Add(bootstrapFirst))
	return f
}

// familyOf returns the family that addr belongs to, nil when this node is not
// in it.
func (e *Engine) familyOf(addr netip.Addr) *family {
	for _, f := range e.families {
		if f.v6 == addr.Is6() {
			return f
		}
	}
	return nil
}

// other returns the table of the other family, nil if there is none.
func (e *Engine) other(f *family) *routing.Table {
	for _, g := range e.families {
		if g != f {
			return g.table
		}
	}
	return nil
}

func (e *Engine) between(least, most time.Duration) time.Duration {
	return least + time.Duration(e.rng.Int64N(int64(most-least)))
}

// heard notes who sent a request. It does not move a known node to a new
// address: that takes an answer from there (opendht spec 2.7).
//
// A stranger is pinged after its second request only: to a source that may be
// forged goes nothing but the one answer. A node that knows few others pings at
// once, and then answers after that: serve is false. So it does with a known node
// at another address, which will repeat its request.
func (e *Engine) heard(now time.Time, f *family, from netip.AddrPort, m *wire.Message) (serve bool) {
	n := f.nodes.Get(m.ID)
	switch {
	case n == nil:
		if m.Client {
			break
		}
		n = f.nodes.Add(now, m.ID, from)
		n.Heard = now
		if m.Method == wire.Ping && f.table.Len() < closestNodes && e.postpone(now, f, from, m) {
			n.Requested = now
			return false
		}
	case n.Addr == from:
		wasExpired, again := n.Expired, !n.Heard.IsZero()
		n.Hear(now)
		n.Client = m.Client
		switch {
		case n.Client:
		case wasExpired:
			e.welcome(now, f, n)
		case again && n.Replied.IsZero() && now.Sub(n.Requested) > strangerPause:
			e.meet(f, n)
		}
	case n.Good(now):
		e.recheck(now, n)
	case now.Sub(n.Sought) > strangerPause:
		n.Sought = now
		e.ping(now, from, true, search.Handler{Reply: ignoreReply, Fail: ignoreFailure})
		return e.isProven(now, from) || e.tokens.Valid(now, m.Token, from)
	}
	return true
}

// recheck asks a good node whether it still is where it is known to be, since
// somebody elsewhere bears its id: it has moved, or that is an impostor.
func (e *Engine) recheck(now time.Time, n *routing.Node) {
	if now.Sub(n.Requested) > strangerPause {
		e.pingNode(now, n, false)
	}
}

func ignoreReply(time.Time, *wire.Message, []*routing.Node) {}

func ignoreFailure(time.Time, error) {}

// meet queues a node for its first ping: it is of use only once it has
// answered. The queue keeps that from being a datagram per datagram received.
func (e *Engine) meet(f *family, n *routing.Node) {
	if len(f.strangers) < maxStrangers {
		f.strangers = append(f.strangers, n)
	}
	if e.strangerTimer.Deadline().IsZero() {
		e.set(&e.strangerTimer, e.now.Add(strangerEvery))
	}
}

// meetStrangers pings the queued nodes that the table or a search has use for.
func (e *Engine) meetStrangers(now time.Time) {
	waiting := false
	for _, f := range e.families {
		left := strangersAtOnce
		for len(f.strangers) > 0 && left > 0 {
			n := f.strangers[0]
			f.strangers = slices.Delete(f.strangers, 0, 1)
			if n.Replied.IsZero() && n.Live() && now.Sub(n.Requested) > strangerPause && e.useful(now, f, n) {
				left--
				e.pingNode(now, n, true)
			}
		}
		waiting = waiting || len(f.strangers) > 0
	}
	var next time.Time
	if waiting {
		next = now.Add(strangerEvery)
	}
	e.set(&e.strangerTimer, next)
}

func (e *Engine) useful(now time.Time, f *family, n *routing.Node) bool {
	if _, ping := f.table.Offer(now, n); ping != nil {
		return true
	}
	return slices.ContainsFunc(f.searches, func(s *searchTimer) bool { return s.search.Wants(n) })
}

// pingNode asks a known node for a sign of life.
func (e *Engine) pingNode(now time.Time, n *routing.Node, once bool) {
	n.Requested = now
	e.ping(now, n.Addr, once, search.Handler{Reply: ignoreReply, Fail: func(now time.Time, _ error) {
		if n.Heard.Before(now.Add(-strangerPause)) {
			e.lose(now, e.familyOf(n.Addr.Addr()), n)
		}
	}})
}

// expects reports whether m answers a pending request to its sender.
func (e *Engine) expects(from netip.AddrPort, m *wire.Message) bool {
	if m.Kind != wire.Reply && m.Kind != wire.Error {
		return false
	}
	r := e.requests.byTID[m.TID]
	return r != nil && r.to == from
}

// answer hands a reply or error to the request that it answers.
func (e *Engine) answer(now time.Time, f *family, from netip.AddrPort, m *wire.Message) {
	r := e.requests.byTID[m.TID]
	if r == nil || r.to != from {
		return
	}
	e.forget(r)
	e.proven.add(now, from)
	e.confirm(now, f, r, from, m)
	if m.Addr.IsValid() {
		f.reported.Add(m.Addr.Unmap())
	}
	if m.Kind == wire.Error {
		r.h.Fail(now, &search.RemoteError{Code: m.Code, Text: string(m.Text)})
		return
	}
	f.named = e.learn(now, f, from, m, f.named[:0])
	r.h.Reply(now, m, f.named)
}

// echoed ends the request that m is, if it has come back to this node: the address
// it went to is our own, so whoever is said to be there is not. Others name this node
// by its former id for minutes after it has started anew.
func (e *Engine) echoed(now time.Time, from netip.AddrPort, m *wire.Message) {
	r := e.requests.byTID[m.TID]
	if m.Kind != wire.Request || r == nil || r.to != from {
		return
	}
	if r.node != nil {
		e.lose(now, r.family, r.node)
		return
	}
	e.forget(r)
	e.later(func(now time.Time) { r.h.Fail(now, ErrExpired) })
}

// confirm notes who answered r, from where: only this makes a node good, and
// only this moves it.
func (e *Engine) confirm(now time.Time, f *family, r *request, from netip.AddrPort, m *wire.Message) {
	if old := r.node; old != nil && old.ID != m.ID {
		// Another node answers at the address: the one we knew is gone.
		e.lose(now, f, old)
	}
	n := f.nodes.Get(m.ID)
	if n == nil {
		n = f.nodes.Add(now, m.ID, from)
	}
	if n.Addr != from && n.Good(now) {
		e.recheck(now, n)
		return
	}
	if n.Addr != from {
		f.table.Remove(n)
		f.nodes.Move(n, from)
	}
	fresh := !n.Good(now)
	n.Answer(now)
	n.Client = m.Client
	if t := e.lost[n]; t != nil {
		e.set(&t.timer, time.Time{})
		delete(e.lost, n)
	}
	if fresh && n.Live() {
		e.welcome(now, f, n)
	}
}

// welcome offers a node that has just become usable to the table and to the
// searches that it fits.
func (e *Engine) welcome(now time.Time, f *family, n *routing.Node) {
	e.offer(now, f, n)
	for _, s := range f.searches {
		s.search.Offer(now, n)
	}
	e.joined(now, f)
	e.noteJoined(now, n)
}

func (e *Engine) offer(now time.Time, f *family, n *routing.Node) {
	if added, ping := f.table.Offer(now, n); !added && ping != nil {
		e.pingNode(now, ping, ping.Replied.IsZero())
	}
}

// learn returns the records of the nodes of f that a reply names, closest
// first as named. They are hearsay until they answer.
func (e *Engine) learn(now time.Time, f *family, from netip.AddrPort, m *wire.Message, dst []*routing.Node) []*routing.Node {
	for id, addr := range m.Nodes() {
		addr = routing.Relative(addr, from)
		if id == e.id || id.IsZero() || routing.Martian(addr) {
			continue
		}
		g := e.familyOf(addr.Addr())
		if g == nil {
			continue
		}
		n := g.nodes.Get(id)
		switch {
		case n == nil:
			n = g.nodes.Add(now, id, addr)
		case n.Expired && now.Sub(n.Requested) > hearsayPause:
			// Others still count on it: it gets another chance.
			n.Expired = false
		}
		if g == f {
			dst = append(dst, n)
		} else if g.table.Len() < closestNodes {
			e.meet(g, n)
		}
	}
	return dst
}

// lose marks n as expired and fails whatever else waits for it.
func (e *Engine) lose(now time.Time, f *family, n *routing.Node) {
	if !n.Expired {
		wasGood := n.Good(now)
		n.Fail()
		n.Requested = now // what others say of it counts only after a pause
		e.recount = true
		if wasGood {
			e.noteLost(now, n.ID)
			if !f.table.HasGood(now) {
				e.set(&f.seek.timer, now)
			}
		}
		if ping := f.table.Lost(now, n); ping != nil {
			e.pingNode(now, ping, ping.Replied.IsZero())
		}
		e.remember(now, n)
	}
	for _, r := range e.requests.byNode[n] {
		e.set(&r.timer, time.Time{})
		delete(e.requests.byTID, r.tid)
		e.later(func(now time.Time) { r.h.Fail(now, ErrExpired) })
	}
	delete(e.requests.byNode, n)
}

// lostNode is a node that was good and is asked again after a while.
type lostNode struct {
	timer timer
	next  int
}

// remember schedules the second chances of a node that once answered.
func (e *Engine) remember(now time.Time, n *routing.Node) {
	if n.Replied.IsZero() || e.lost[n] != nil || len(e.lost) >= maxLost {
		return
	}
	t := &lostNode{}
	t.timer.fire = func(now time.Time) {
		if t.next++; t.next == len(secondChances) || !n.Expired {
			delete(e.lost, n)
		} else {
			e.set(&t.timer, now.Add(secondChances[t.next]))
		}
		if n.Expired {
			e.pingNode(now, n, true)
		}
	}
	e.lost[n] = t
	e.set(&t.timer, now.Add(secondChances[0]))
}

// appendClosest appends the closest good nodes to target as replies carry them.
func (f *family) appendClosest(now time.Time, target infohash.Hash, b []byte) []byte {
	f.near = f.table.Closest(now, target, closestNodes, f.near[:0])
	for _, n := range f.near {
		b = wire.AppendNode(b, n.ID, n.Addr)
	}
	return b
}
