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

// searchTimer is one search of a family, with the time of its next step.
type searchTimer struct {
	search *search.Search
	timer  timer
}

// network is a family as one of its searches sees it.
type network struct {
	e     *Engine
	f     *family
	timer *timer // of the search
}

// listenSocket takes the pushes of one listen on one node.
type listenSocket struct {
	node *routing.Node
	push func(now time.Time, m *wire.Message)
}

// searchFor returns the search for a key, a new one if there is none.
func (e *Engine) searchFor(now time.Time, f *family, key infohash.Hash) *searchTimer {
	k := searchKey{key, f.v6}
	if s := e.searches[k]; s != nil {
		return s
	}
	s := &searchTimer{}
	s.search = search.New(now, key, network{e, f, &s.timer})
	s.timer.fire = s.search.Step
	e.searches[k] = s
	f.searches = append(f.searches, s)
	return s
}

type searchKey struct {
	key infohash.Hash
	v6  bool
}

// sweep forgets the searches that have been idle for long, and the oldest idle
// ones when there are too many. It revives the others, and notices that no node is good
// any more.
func (e *Engine) sweep(now time.Time) {
	e.set(&e.sweepTimer, now.Add(time.Minute))
	for _, f := range e.families {
		if f.seek.timer.Deadline().IsZero() {
			e.seekNetwork(now, f)
		}
		idle := 0
		for i := len(f.searches) - 1; i >= 0; i-- {
			s := f.searches[i]
			since, ok := s.search.Idle()
			if !ok {
				s.search.Revive(now)
				continue
			}
			if idle++; idle <= maxIdleSearches && now.Sub(since) < idleSearch {
				continue
			}
			delete(e.searches, searchKey{s.search.Key(), f.v6})
			e.set(&s.timer, time.Time{})
			f.searches = slices.Delete(f.searches, i, i+1)
		}
	}
	e.recount = true
}

// Request implements search.Network.
func (n network) Request(now time.Time, to *routing.Node, m wire.Message, values [][]byte, h search.Handler) {
	n.e.request(now, n.f, to, &m, values, h)
}

// Known implements search.Network: nodes that have answered, and only for want of
// those a few that have not. Anybody can make up nodes that were merely heard of.
func (n network) Known(key infohash.Hash, k int, dst []*routing.Node) []*routing.Node {
	crowds := make(map[netip.Prefix]int)
	known := func(answered bool) func(*routing.Node) bool {
		return func(x *routing.Node) bool {
			if !x.Live() || x.Replied.IsZero() == answered {
				return false
			}
			if network, ok := routing.Network(x.Addr.Addr()); ok {
				crowds[network]++
				return crowds[network] <= search.MaxKnownPerNetwork
			}
			return true
		}
	}
	before := len(dst)
	dst = n.f.nodes.Closest(key, k, dst, known(true))
	if missing := min(k, closestNodes) - (len(dst) - before); missing > 0 {
		dst = n.f.nodes.Closest(key, missing, dst, known(false))
	}
	return dst
}

// Neighbours implements search.Network.
func (n network) Neighbours(k int, dst []*routing.Node) []*routing.Node {
	return n.f.table.Closest(n.e.now, n.e.id, k, dst)
}

// Size implements search.Network.
func (n network) Size(now time.Time) int { return n.f.table.NetworkSize(now) }

// Open implements search.Network.
func (n network) Open(to *routing.Node, push func(now time.Time, m *wire.Message)) uint32 {
	sid := n.e.newTID()
	n.e.sockets[sid] = listenSocket{to, push}
	return sid
}

// Close implements search.Network.
func (n network) Close(sid uint32) { delete(n.e.sockets, sid) }

// Wake implements search.Network.
func (n network) Wake(at time.Time) { n.e.set(n.timer, n.e.nextBeat(at)) }

// nextBeat returns the first beat at or after a time. What searches wait for is never
// urgent, so they do it together: the process wakes up seldom, and what a beat sends
// leaves in few system calls.
func (e *Engine) nextBeat(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add((beat - at.Sub(e.started)%beat) % beat)
}
