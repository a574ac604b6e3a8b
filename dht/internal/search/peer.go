package search

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/wire"
)

// peer is a node as one search sees it.
type peer struct {
	node     *routing.Node
	token    []byte
	synced   time.Time // last find or get reply with a token
	pause    time.Time // ask no find or get before
	asking   bool      // a find or get is in flight
	slow     bool      // its first try went unanswered: others do not wait for it
	refusals int       // tokens refused in a row
	ways     uint16    // bits of those from witnesses to the key that it is on

	via      *peer                   // who named it; nil when it was known before
	named    [maxNamed]*routing.Node // by it, and no peers yet
	sureties int                     // unproved peers that it named
}

// live reports whether the peer may still answer.
func (p *peer) live() bool { return !p.node.Expired && p.refusals <= maxRefusals }

// current reports whether the peer's token and position are fresh.
func (p *peer) current(now time.Time) bool {
	return p.token != nil && now.Sub(p.synced) < TokenLife
}

// accept takes the token of a find or get reply. Without one the peer cannot be
// worked with (opendht spec 7.3).
func (p *peer) accept(now time.Time, m *wire.Message) {
	if len(m.Token) == 0 {
		p.refusals = maxRefusals + 1
		return
	}
	p.token = append(p.token[:0], m.Token...)
	p.synced = now
}

// refuse notes that the peer rejected our token; a new one must be fetched.
func (p *peer) refuse() {
	p.token = nil
	p.synced = time.Time{}
	p.refusals++
}

// insert adds n, which via has named, to the peers if it may serve the search, and
// reports whether the search knows something new: a node, or that a lost one is
// back. via is nil for a node that was known before.
func (s *Search) insert(now time.Time, n *routing.Node, via *peer) bool {
	if n.Expired || n.Client {
		return false
	}
	i, found := slices.BinarySearchFunc(s.peers, n, func(p *peer, n *routing.Node) int {
		return s.key.CompareDistance(p.node.ID, n.ID)
	})
	if found {
		p := s.peers[i]
		if p.node == n {
			return p.live() && p.token == nil && !p.asking
		}
		// The id lives on in a new record: the old one was given up.
		s.peers[i] = &peer{node: n, via: via}
		s.lost(now, p)
		return true
	}
	if i >= maxPeers && len(s.peers) >= maxPeers || s.crowded(n) {
		return false
	}
	s.peers = slices.Insert(s.peers, i, &peer{node: n, via: via})
	s.trim(now)
	return true
}

// crowded reports whether the network of n has its share of the peers already.
func (s *Search) crowded(n *routing.Node) bool {
	network, ok := routing.Network(n.Addr.Addr())
	if !ok {
		return false
	}
	count := 0
	for _, p := range s.peers {
		if p.live() && network.Contains(p.node.Addr.Addr()) {
			count++
		}
	}
	return count >= MaxKnownPerNetwork
}

// trim keeps the peers within their bound: the farthest of the least useful goes.
func (s *Search) trim(now time.Time) {
	if len(s.peers) <= maxPeers {
		return
	}
	victim := len(s.peers) - 1
	for i, p := range slices.Backward(s.peers) {
		if p.uselessness() > s.peers[victim].uselessness() {
			victim = i
		}
	}
	p := s.peers[victim]
	s.peers = slices.Delete(s.peers, victim, victim+1)
	s.lost(now, p)
}

// uselessness ranks a peer: dead, then never heard and late to answer, then never
// heard. Those that have answered are pushed out by none that have not.
func (p *peer) uselessness() int {
	switch {
	case !p.live() && !p.asking:
		return 3
	case !p.proved() && p.slow:
		return 2
	case !p.proved():
		return 1
	}
	return 0
}

// lost ends what depended on a peer that the search no longer has.
func (s *Search) lost(now time.Time, p *peer) {
	for _, a := range s.announces {
		delete(a.at, p)
	}
	for _, l := range s.listens {
		l.drop(now, s, p)
	}
	for _, g := range s.gets {
		delete(g.asked, p)
	}
}

// refill adds known nodes while fewer than Width live peers are known.
func (s *Search) refill(now time.Time) {
	live := 0
	for _, p := range s.peers {
		if p.live() {
			live++
		}
	}
	if live < Width && now.Sub(s.refilled) >= s.refillEvery(live) {
		s.refilled = now
		s.known = s.net.Known(s.key, Width, s.known[:0])
		for _, n := range s.known {
			if s.insert(now, n, nil) {
				live++
			}
		}
	}
	switch {
	case live > 0:
		s.barren = time.Time{}
	case s.barren.IsZero():
		s.barren = now
	}
}

func (s *Search) refillEvery(live int) time.Duration {
	if live == 0 {
		return refillPause
	}
	return TokenLife / 20
}

// targets yields the peers that hold or should hold the key's values.
func (s *Search) targets(now time.Time) iter.Seq[*peer] {
	return s.closest(now, s.breadth())
}

// closest yields, closest first, up to k live and prompt peers, at most
// maxPerNetwork of one network.
func (s *Search) closest(now time.Time, k int) iter.Seq[*peer] {
	return func(yield func(*peer) bool) {
		var crowd crowd
		n := 0
		for _, p := range s.peers {
			if !p.live() || (p.slow && !p.current(now)) || !crowd.admit(p.node.Addr.Addr()) {
				continue
			}
			if !yield(p) {
				return
			}
			if n++; n == k {
				return
			}
		}
	}
}

// crowd counts the networks among up to wary peers.
type crowd struct {
	networks [wary]netip.Prefix
	counts   [wary]uint8
	n        int
}

// admit counts addr's network and reports whether it has room. Addresses whose
// network says nothing always have.
func (c *crowd) admit(addr netip.Addr) bool {
	network, ok := routing.Network(addr)
	if !ok {
		return true
	}
	for i := range c.n {
		if c.networks[i] == network {
			c.counts[i]++
			return c.counts[i] <= maxPerNetwork
		}
	}
	if c.n < len(c.networks) {
		c.networks[c.n], c.counts[c.n] = network, 1
		c.n++
	}
	return true
}

// Wants reports whether the search has use for n, which has not answered yet.
func (s *Search) Wants(n *routing.Node) bool {
	if _, idle := s.Idle(); idle {
		return false
	}
	if len(s.peers) < Width {
		return true
	}
	return s.key.CompareDistance(n.ID, s.peers[Width-1].node.ID) < 0
}
