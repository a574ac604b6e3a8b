package routing

import (
	"net/netip"
	"time"

	"rollcall/dht/infohash"
)

// Nodes holds the nodes of one family that were heard of, one record per id and
// a bounded number of them. Make one with NewNodes.
//
// Members of a [Table] are never given up. Nodes that have answered go only when
// no stranger is left that could go instead, and then the expired ones and those
// of the most crowded network first: made-up ids, and the many ids of one
// network, push out each other.
type Nodes struct {
	byID      map[infohash.Hash]*Node
	ordered   index
	strangers queue
	known     queue
	crowds    map[netip.Prefix]int
}

// NewNodes returns an empty set.
func NewNodes() *Nodes {
	return &Nodes{byID: make(map[infohash.Hash]*Node), crowds: make(map[netip.Prefix]int)}
}

// Get returns the node with this id, or nil.
func (s *Nodes) Get(id infohash.Hash) *Node { return s.byID[id] }

// Len returns the number of known nodes.
func (s *Nodes) Len() int { return len(s.ordered) }

// Add returns the record of id; a new one, with the address given, if there was
// none. It does not change the address of an old one. A new record may cost
// another node its own.
func (s *Nodes) Add(now time.Time, id infohash.Hash, addr netip.AddrPort) *Node {
	if n := s.byID[id]; n != nil {
		return n
	}
	if len(s.ordered) >= maxNodes {
		if n := s.victim(now); n != nil {
			s.remove(n)
		}
	}
	n := &Node{ID: id, Addr: addr}
	s.byID[id] = n
	s.ordered.insert(n)
	s.strangers.push(n)
	s.count(n, 1)
	return n
}

// Move gives n another address. A member of a Table is to be removed from it
// before and offered again after: the new address may be one too many of its network.
func (s *Nodes) Move(n *Node, addr netip.AddrPort) {
	if s.byID[n.ID] != n {
		n.Addr = addr
		return
	}
	s.count(n, -1)
	n.Addr = addr
	s.count(n, 1)
}

// Closest appends to dst the up to n nodes closest to target that keep accepts
// (such as [(*Node).Live]), closest first.
func (s *Nodes) Closest(target infohash.Hash, n int, dst []*Node, keep func(*Node) bool) []*Node {
	return s.ordered.closest(target, n, dst, keep)
}

// Reset makes all nodes, members of a Table included, neither expired nor good:
// what was known of them holds no more after a change of connectivity.
func (s *Nodes) Reset() {
	for _, e := range s.ordered {
		if !e.node.known && e.node.answered() {
			s.promote(e.node)
		}
		e.node.reset()
	}
}

// victim returns the record to give up for another one.
func (s *Nodes) victim(now time.Time) *Node {
	for range s.strangers.len {
		n := s.strangers.front()
		if n.member || n.answered() {
			s.promote(n)
			continue
		}
		if !n.asked(now) {
			return n
		}
		s.strangers.remove(n)
		s.strangers.push(n)
	}
	if n := s.oldAcquaintance(); n != nil {
		return n
	}
	return s.strangers.front()
}

// oldAcquaintance returns the least useful of the nodes that have been known for
// longest: one that has expired, or else one of the most crowded network.
func (s *Nodes) oldAcquaintance() *Node {
	var victim *Node
	worst, seen := -1, 0
	n := s.known.front()
	for i := s.known.len; i > 0 && seen < evictionWindow; i-- {
		next := n.next
		if n.member {
			s.known.remove(n)
			s.known.push(n)
		} else {
			rank := s.crowd(n)
			if n.Expired {
				rank += maxNodes
			}
			if rank > worst {
				victim, worst = n, rank
			}
			seen++
		}
		n = next
	}
	return victim
}

// promote moves n from the strangers to the known nodes.
func (s *Nodes) promote(n *Node) {
	s.strangers.remove(n)
	n.known = true
	s.known.push(n)
}

func (s *Nodes) remove(n *Node) {
	delete(s.byID, n.ID)
	s.ordered.remove(n)
	if n.known {
		s.known.remove(n)
	} else {
		s.strangers.remove(n)
	}
	s.count(n, -1)
}

// crowd returns how many nodes share the network of n.
func (s *Nodes) crowd(n *Node) int {
	network, _ := Network(n.Addr.Addr())
	return s.crowds[network]
}

func (s *Nodes) count(n *Node, by int) {
	network, ok := Network(n.Addr.Addr())
	if !ok {
		return
	}
	if s.crowds[network] += by; s.crowds[network] == 0 {
		delete(s.crowds, network)
	}
}
