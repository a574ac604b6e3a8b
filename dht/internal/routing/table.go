package routing

import (
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/dht/infohash"
)

// Table is the routing table of one address family: buckets of 8 nodes, many for
// ids close to the own one and few for the others. Its members have answered a
// request at least once. Make one with NewTable.
type Table struct {
	own       infohash.Hash
	rng       *rand.Rand
	bootstrap bool

	members index
	buckets []bucket // in the order of their prefixes; never empty
	grown   time.Time
}

// bucket is a range of ids: those that begin with the first depth bits of
// prefix, whose other bits are zero. Its nodes are the members in that range.
type bucket struct {
	prefix infohash.Hash
	depth  int
	cached *Node     // a newcomer that waits for a place
	asked  time.Time // last request made to maintain the bucket
}

// NewTable returns an empty table around the id own. A bootstrap node keeps more
// nodes of distant ids than others. rng serves the choice of nodes and targets
// for maintenance.
func NewTable(own infohash.Hash, bootstrap bool, rng *rand.Rand) *Table {
	return &Table{own: own, rng: rng, bootstrap: bootstrap, buckets: make([]bucket, 1)}
}

// Len returns the number of members, in whatever state they are.
func (t *Table) Len() int { return len(t.members) }

// Offer considers n, which has been heard of, for a place in the table, and
// reports whether it got one. It is cheap for members.
//
// If ping is not nil, that node's answer is needed first: n itself, where there
// is a place but n has never answered, or a member whose place n may get if it
// does not answer. Whoever gets no answer calls Lost; whoever gets one from a
// node that is no member offers it. A node whose last request (Requested) may
// still be answered is not asked for again.
func (t *Table) Offer(now time.Time, n *Node) (added bool, ping *Node) {
	if n.member || !n.Live() || n.ID == t.own {
		return false, nil
	}
	for {
		i := t.find(n.ID)
		lo, hi := t.span(i)
		var leaving *Node
		if hi-lo >= bucketSize {
			leaving = dead(t.members[lo:hi])
			if leaving == nil && !t.splits(i) {
				return false, t.wait(now, i, n)
			}
		}
		if !t.diverse(n, lo, hi, leaving) {
			return false, nil
		}
		if !n.answered() {
			return false, unasked(now, n)
		}
		if hi-lo < bucketSize || leaving != nil {
			t.replace(now, leaving, n)
			return true, nil
		}
		t.split(i)
	}
}

// Lost tells the table that n has expired. The result, if not nil, is a newcomer
// that may get its place and is to be pinged. The member stays, unused, until
// then: after an outage it may be back.
func (t *Table) Lost(now time.Time, n *Node) (ping *Node) {
	if !n.member {
		return nil
	}
	b := &t.buckets[t.find(n.ID)]
	newcomer := b.cached
	b.cached = nil
	if newcomer == nil || newcomer.member || !newcomer.Live() {
		return nil
	}
	return unasked(now, newcomer)
}

// Remove takes n out of the table, if it is a member.
func (t *Table) Remove(n *Node) {
	if n.member {
		t.members.remove(n)
		n.member = false
	}
}

// Closest appends to dst the up to n good nodes closest to target, closest
// first. Clients are never among them.
func (t *Table) Closest(now time.Time, target infohash.Hash, n int, dst []*Node) []*Node {
	heard, replied := goodSince(now)
	return t.members.closest(target, n, dst, func(n *Node) bool { return n.goodSince(heard, replied) && !n.Client })
}

// Export appends all good nodes to dst, those of the own bucket first: the nodes
// to keep over a restart.
func (t *Table) Export(now time.Time, dst []*Node) []*Node {
	return t.Closest(now, t.own, len(t.members), dst)
}

// Reset forgets when buckets were asked and who waits for a place in them. With
// [Nodes.Reset] it makes the table start over with its members after a change of
// connectivity.
func (t *Table) Reset() {
	for i := range t.buckets {
		t.buckets[i].asked, t.buckets[i].cached = time.Time{}, nil
	}
}

// find returns the bucket of an id: the last one whose prefix is not greater.
func (t *Table) find(id infohash.Hash) int {
	lo, hi := 1, len(t.buckets)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if t.buckets[mid].prefix.Compare(id) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// span returns the range of a bucket's nodes among the members.
func (t *Table) span(i int) (lo, hi int) {
	if i+1 == len(t.buckets) {
		return t.members.from(t.buckets[i].prefix), len(t.members)
	}
	return t.members.from(t.buckets[i].prefix), t.members.from(t.buckets[i+1].prefix)
}

// splits reports whether a full bucket is to be split rather than to stay.
func (t *Table) splits(i int) bool {
	b := &t.buckets[i]
	if t.bootstrap && b.depth < bootstrapDepth {
		return true
	}
	return b.depth < infohash.Bits && t.own.CommonBits(b.prefix) >= b.depth
}

// split divides a bucket in two.
func (t *Table) split(i int) {
	b := &t.buckets[i]
	upper := bucket{prefix: b.prefix.WithBit(b.depth, true), asked: b.asked}
	b.depth++
	upper.depth = b.depth
	if b.cached != nil && b.cached.ID.Compare(upper.prefix) >= 0 {
		b.cached, upper.cached = nil, b.cached
	}
	t.buckets = slices.Insert(t.buckets, i+1, upper)
}

// replace gives n a place, that of leaving if it is not nil.
func (t *Table) replace(now time.Time, leaving, n *Node) {
	if leaving != nil {
		t.Remove(leaving)
	}
	t.members.insert(n)
	n.member = true
	t.grown = now
}

// wait lets n wait for a place in a full bucket of live nodes, and returns the
// member, silent for longest, that should show that it needs its place.
func (t *Table) wait(now time.Time, i int, n *Node) (ping *Node) {
	b := &t.buckets[i]
	if c := b.cached; c == nil || c.member || !c.Live() || !c.answered() && n.answered() {
		b.cached = n
	}
	lo, hi := t.span(i)
	for _, e := range t.members[lo:hi] {
		if !e.node.Good(now) && (ping == nil || e.node.Heard.Before(ping.Heard)) {
			ping = e.node
		}
	}
	if ping == nil {
		return nil
	}
	return unasked(now, ping)
}

// diverse reports whether n may join the bucket at members[lo:hi] without its
// network having too many nodes, once leaving is gone.
func (t *Table) diverse(n *Node, lo, hi int, leaving *Node) bool {
	network, ok := Network(n.Addr.Addr())
	if !ok {
		return true
	}
	inBucket, inTable := 0, 0
	for i, e := range t.members {
		if e.node == leaving || !network.Contains(e.node.Addr.Addr()) {
			continue
		}
		inTable++
		if i >= lo && i < hi {
			inBucket++
		}
	}
	// A bucket that is about to be split says nothing about its halves.
	if hi-lo >= bucketSize && leaving == nil {
		inBucket = 0
	}
	return inBucket < maxPerBucket && inTable < maxPerTable
}

// dead returns the node of x that is of no use and silent for longest, or nil.
func dead(x index) *Node {
	var found *Node
	for _, e := range x {
		if !e.node.Live() && (found == nil || e.node.Heard.Before(found.Heard)) {
			found = e.node
		}
	}
	return found
}

// unasked returns n, or nil while n may still answer the last request.
func unasked(now time.Time, n *Node) *Node {
	if n.asked(now) {
		return nil
	}
	return n
}
