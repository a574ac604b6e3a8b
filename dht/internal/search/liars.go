package search

import (
	"encoding/binary"
	"time"

	"rollcall/dht/internal/routing"
)

// Any node may lie about who is close to a key. Four rules keep liars, as long as they
// are far fewer than the honest nodes, from leading a search astray:
//
// Surety: who names nodes stands surety for a few of them at a time, until they have
// answered. Nodes that do not exist, however many are made up, cost a search seconds and
// hide nobody: they never push out one that has answered.
//
// Witnesses: nodes that others than those next to the key have named are followed to the
// key as well, on several ways, so that a search does not end among liars who know only
// each other, without having heard an honest node. See consult.
//
// Density: the size of the network tells how far from the key its targets are to be
// expected. If they are farther, they may have kept closer ones secret: more witnesses
// are asked. If they are much closer, they were made up to surround the key: more become
// targets.
//
// Doubt: a get believes that there is nothing only after many peers have said so.

// density is what the distances of the target nodes say about them.
type density uint8

const (
	plausible density = iota
	sparse            // closer nodes may exist
	dense             // some are made up
)

// gauge compares the distances of the closest peers, once they have answered, with the
// size of the network.
func (s *Search) gauge(now time.Time) density {
	if now.Sub(s.sized) >= sizeLife {
		s.size, s.sized = s.net.Size(now), now
	}
	n := 0
	for p := range s.closest(now, Targets) {
		if !p.current(now) {
			return plausible
		}
		if n++; n < Targets {
			continue
		}
		distance := p.node.ID.Xor(s.key)
		expected := float64(binary.BigEndian.Uint64(distance[:])) / (1 << 64) * float64(s.size)
		switch {
		case expected > sparseFrom:
			return sparse
		case expected < denseFrom:
			return dense
		}
	}
	return plausible
}

// take notes whom p has named.
func (p *peer) take(nodes []*routing.Node) {
	clear(p.named[:])
	copy(p.named[:], nodes)
}

// invite makes peers of the nodes that peers have named, as far as their surety reaches.
func (s *Search) invite(now time.Time) {
	for _, p := range s.peers {
		p.sureties = 0
	}
	for _, p := range s.peers {
		if p.via != nil && p.live() && !p.proved() {
			p.via.sureties++
		}
	}
	for i := 0; i < len(s.peers); i++ {
		p := s.peers[i]
		for j, n := range p.named {
			if n == nil || n.Replied.IsZero() && p.sureties >= maxSureties {
				continue
			}
			p.named[j] = nil
			if s.insert(now, n, p) && n.Replied.IsZero() {
				p.sureties++
			}
			if q := s.peer(n); q != nil {
				q.ways |= p.ways
			}
		}
	}
}

// proved reports whether the peer has ever answered this node.
func (p *peer) proved() bool { return !p.node.Replied.IsZero() }
