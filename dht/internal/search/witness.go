package search

import (
	"iter"
	"slices"
	"time"

	"rollcall/dht/internal/routing"
)

// consult asks witnesses: neighbours of this node, whom nobody chooses by the key, and
// a known node that is not next to the key. Each is the beginning of a way of its own to
// the key, which goes on with the closest node that was named on it, until that has
// answered. A way ends where the first liar on it leads; that all of them end so is
// unlikely.
func (s *Search) consult(now time.Time, neighbours int) {
	if s.consulted == 0 {
		s.known = s.net.Known(s.key, Width, s.known[:0])
		if len(s.known) > bystander {
			s.testify(now, s.known[bystander])
		}
	}
	if s.consulted < neighbours {
		s.known = s.net.Neighbours(neighbours, s.known[:0])
		for i := s.consulted; i < len(s.known); i++ {
			s.testify(now, s.known[i])
		}
		s.consulted = len(s.known)
	}
}

// testify makes a witness of n.
func (s *Search) testify(now time.Time, n *routing.Node) {
	s.insert(now, n, nil)
	if p := s.peer(n); p != nil {
		p.ways |= 1 << s.ways
		s.ways++
	}
}

// peer returns the peer that n is, nil if it is none.
func (s *Search) peer(n *routing.Node) *peer {
	i, found := slices.BinarySearchFunc(s.peers, n, func(p *peer, n *routing.Node) int {
		return s.key.CompareDistance(p.node.ID, n.ID)
	})
	if !found || s.peers[i].node != n {
		return nil
	}
	return s.peers[i]
}

// fronts yields the peers closest to the key on each of the ways.
func (s *Search) fronts(now time.Time) iter.Seq[*peer] {
	return func(yield func(*peer) bool) {
		var seen uint16
		for _, p := range s.peers {
			if p.ways&^seen == 0 || !p.live() || p.slow && !p.current(now) {
				continue
			}
			seen |= p.ways
			if !yield(p) {
				return
			}
		}
	}
}

// follow asks the fronts that have not answered.
func (s *Search) follow(now time.Time) {
	for p := range s.fronts(now) {
		if p.asking || !p.synced.IsZero() || now.Before(p.pause) {
			continue
		}
		if g := s.wanting(p, 1, Targets); g != nil {
			s.sendGet(now, p, g)
		} else if l := s.peeking(p, 1); l != nil {
			s.peek(now, p, l)
		} else {
			s.sendFind(now, p)
		}
	}
}

// witnessed reports whether all the ways have come to their ends.
func (s *Search) witnessed(now time.Time) bool {
	for p := range s.fronts(now) {
		if p.synced.IsZero() && !now.Before(p.pause) {
			return false
		}
	}
	return true
}
