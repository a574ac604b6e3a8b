package routing

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"rollcall/dht/infohash"
)

// Nodes holds the nodes of one family that were heard of, one record per id and
// a bounded number of them. Make one with NewNodes.
//
// Members of a [Table] are never given up. Acquaintances, which have answered, go
// only when no stranger is left that could go instead, and then expired ones and
// those of crowded networks first: made-up ids, and the many ids of one network,
// push out each other.
type Nodes struct {
	rng       *rand.Rand
	byID      map[infohash.Hash]*Node
	ordered   index
	strangers queue                // also some that have answered since, or are members
	crowds    map[netip.Prefix]int // number of nodes by network
}

// NewNodes returns an empty set. rng serves the choice of whom to give up.
func NewNodes(rng *rand.Rand) *Nodes {
	return &Nodes{rng: rng, byID: make(map[infohash.Hash]*Node), crowds: make(map[netip.Prefix]int)}
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
		s.remove(s.victim(now))
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
		if e.node.queued && e.node.answered() {
			s.strangers.remove(e.node)
		}
		e.node.reset()
	}
}

// victim returns the record to give up for another one: of the stranger that came
// first, or else of the least useful of some acquaintances.
func (s *Nodes) victim(now time.Time) *Node {
	for range s.strangers.len {
		n := s.strangers.front()
		s.strangers.remove(n)
		if n.member || n.answered() {
			continue
		}
		s.strangers.push(n)
		if !n.asked(now) {
			return n
		}
	}
	var victim *Node
	worst := -1
	for tries := 0; tries < evictionSample || victim == nil; tries++ {
		n := s.ordered[s.rng.IntN(len(s.ordered))].node
		if rank := s.uselessness(n); !n.member && rank > worst {
			victim, worst = n, rank
		}
	}
	return victim
}

// uselessness ranks an acquaintance: an expired one before a live one, and
// otherwise by how many nodes its network has.
func (s *Nodes) uselessness(n *Node) int {
	network, _ := Network(n.Addr.Addr())
	rank := s.crowds[network]
	if n.Expired {
		rank += maxNodes
	}
	return rank
}

func (s *Nodes) remove(n *Node) {
	delete(s.byID, n.ID)
	s.ordered.remove(n)
	if n.queued {
		s.strangers.remove(n)
	}
	s.count(n, -1)
}

// count notes that the network of n has by nodes more.
func (s *Nodes) count(n *Node, by int) {
	network, ok := Network(n.Addr.Addr())
	if !ok {
		return
	}
	if s.crowds[network] += by; s.crowds[network] == 0 {
		delete(s.crowds, network)
	}
}
