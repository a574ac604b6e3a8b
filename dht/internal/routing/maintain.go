package routing

import (
	"time"

	"rollcall/dht/infohash"
)

// Ask is a find request that keeps a table alive: Node is to be asked for the
// nodes around Target, of both families if Both is set.
type Ask struct {
	Node   *Node
	Target infohash.Hash
	Both   bool
}

// Maintain returns the next request that the table needs; ok is false when it
// needs none or knows nobody. other is the table of the other family, nil if there
// is none.
//
// The times of the calls are the caller's: every 5 to 25 s while ok is true for
// one of its tables, otherwise every 60 to 180 s (opendht spec 7.7). Each call is
// for one of, in this order: a bucket that is empty or had no reply for 10 minutes,
// the one asked longest ago first; the neighbourhood of the own id, when the table
// grew within 150 s; the member silent for longest, when it is about to be no
// longer good or already is not.
func (t *Table) Maintain(now time.Time, other *Table) (ask Ask, ok bool) {
	if i := t.stale(now); i >= 0 {
		t.buckets[i].asked = now
		ask.Node, ask.Target = t.partner(i), t.randomID(i)
		ask.Both = t.wantsBoth(ask.Target, other)
	} else if !t.grown.IsZero() && now.Sub(t.grown) < growthLife {
		ask.Node, ask.Target = t.partner(t.find(t.own)), t.own
		ask.Target[infohash.Size-1] = byte(t.rng.Uint32())
		ask.Both = other != nil
	} else if n := t.silent(now); n != nil {
		ask.Node, ask.Target = n, t.randomID(t.find(n.ID))
		ask.Both = t.wantsBoth(ask.Target, other)
	}
	return ask, ask.Node != nil
}

// wantsBoth reports whether a request is to ask for nodes of the other family,
// whose table is other, too.
func (t *Table) wantsBoth(target infohash.Hash, other *Table) bool {
	return other != nil && (!other.full(target) || t.rng.IntN(bothOdds) == 0)
}

// silent returns the live member silent for longest if that is too long, or nil.
func (t *Table) silent(now time.Time) (found *Node) {
	for _, e := range t.members {
		n := e.node
		if n.Live() && now.Sub(n.Heard) >= silence && !n.asked(now) && (found == nil || n.Heard.Before(found.Heard)) {
			found = n
		}
	}
	return found
}

// stale returns the bucket that most needs a request, or -1.
func (t *Table) stale(now time.Time) int {
	found := -1
	for i := range t.buckets {
		b := &t.buckets[i]
		if now.Sub(b.asked) < askPause || found >= 0 && !b.asked.Before(t.buckets[found].asked) {
			continue
		}
		if lo, hi := t.span(i); now.Sub(lastReply(t.members[lo:hi])) >= bucketLife {
			found = i
		}
	}
	return found
}

// lastReply returns the time of the last reply from any of x.
func lastReply(x index) (last time.Time) {
	for _, e := range x {
		if e.node.Replied.After(last) {
			last = e.node.Replied
		}
	}
	return last
}

// randomID returns an id in the range of a bucket.
func (t *Table) randomID(i int) infohash.Hash {
	b := &t.buckets[i]
	id := b.prefix
	for bit := b.depth; bit < infohash.Bits; bit++ {
		id = id.WithBit(bit, t.rng.Uint32()&1 == 1)
	}
	return id
}

// full reports whether the bucket of an id has all its places taken.
func (t *Table) full(id infohash.Hash) bool {
	lo, hi := t.span(t.find(id))
	return hi-lo >= bucketSize
}

// partner chooses the node to ask on behalf of a bucket: one of its own, now and
// then or for want of any one of a bucket beside it, else any; expired ones, which
// may be back after an outage, only when no other is left.
func (t *Table) partner(i int) *Node {
	own := t.bucketNode(i)
	if own != nil && t.rng.IntN(neighbourOdds) != 0 {
		return own
	}
	beside := [2]int{i - 1, i + 1}
	if t.rng.Uint32()&1 == 1 {
		beside[0], beside[1] = beside[1], beside[0]
	}
	for _, j := range beside {
		if n := t.bucketNode(j); n != nil {
			return n
		}
	}
	if own != nil {
		return own
	}
	if n := t.pick(t.members, (*Node).Live); n != nil {
		return n
	}
	return t.pick(t.members, func(n *Node) bool { return !n.Client })
}

// bucketNode returns a random live node of a bucket, or nil; i may be out of
// range by one.
func (t *Table) bucketNode(i int) *Node {
	if i < 0 || i >= len(t.buckets) {
		return nil
	}
	lo, hi := t.span(i)
	return t.pick(t.members[lo:hi], (*Node).Live)
}

// pick returns a random node of x that keep accepts, or nil.
func (t *Table) pick(x index, keep func(*Node) bool) (found *Node) {
	seen := 0
	for _, e := range x {
		if !keep(e.node) {
			continue
		}
		if seen++; t.rng.IntN(seen) == 0 {
			found = e.node
		}
	}
	return found
}
