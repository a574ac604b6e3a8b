package routing

import (
	"encoding/binary"
	"slices"

	"rollcall/dht/infohash"
)

// index is a list of nodes in the order of their ids. The nodes that share a
// prefix are neighbours in it, so it can be read as a binary trie.
type index []entry

// entry carries the first 64 bits of the node's id, which decide nearly all
// comparisons without touching the node.
type entry struct {
	key  uint64
	node *Node
}

func keyOf(id *infohash.Hash) uint64 { return binary.BigEndian.Uint64(id[:8]) }

// from returns the position of the first node whose id is not less than id.
func (x index) from(id infohash.Hash) int {
	key := keyOf(&id)
	lo, hi := 0, len(x)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		e := &x[mid]
		if e.key < key || e.key == key && e.node.ID.Compare(id) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (x *index) insert(n *Node) {
	*x = slices.Insert(*x, x.from(n.ID), entry{key: keyOf(&n.ID), node: n})
}

func (x *index) remove(n *Node) {
	i := x.from(n.ID)
	*x = slices.Delete(*x, i, i+1)
}

// closest appends to dst the up to n nodes closest to target that keep accepts,
// closest first.
func (x index) closest(target infohash.Hash, n int, dst []*Node, keep func(*Node) bool) []*Node {
	c := collector{target: target, key: keyOf(&target), want: len(dst) + n, keep: keep}
	return c.visit(x, 0, dst)
}

// collector gathers the nodes closest to target.
type collector struct {
	target infohash.Hash
	key    uint64 // the first bits of target
	want   int    // length of the result
	keep   func(*Node) bool
}

// leafSize is the size from which sorting beats dividing further.
const leafSize = 4

// visit adds the nodes of x, whose ids share their first bits. Those that go on
// like the target are all closer to it than the others.
func (c *collector) visit(x index, bit int, dst []*Node) []*Node {
	if len(dst) == c.want {
		return dst
	}
	if len(x) <= leafSize || bit == 64 {
		return c.sorted(x, dst)
	}
	mask := uint64(1) << (63 - bit)
	lo, hi := 0, len(x)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if x[mid].key&mask == 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	near, far := x[:lo], x[lo:]
	if c.key&mask != 0 {
		near, far = far, near
	}
	return c.visit(far, bit+1, c.visit(near, bit+1, dst))
}

// sorted adds the closest of x by insertion.
func (c *collector) sorted(x index, dst []*Node) []*Node {
	start := len(dst)
	for _, e := range x {
		if !c.keep(e.node) {
			continue
		}
		i := len(dst)
		if i < c.want {
			dst = append(dst, e.node)
		} else if i--; !c.closer(e, dst[i]) {
			continue
		}
		for ; i > start && c.closer(e, dst[i-1]); i-- {
			dst[i] = dst[i-1]
		}
		dst[i] = e.node
	}
	return dst
}

// closer reports whether e is closer to the target than n.
func (c *collector) closer(e entry, n *Node) bool {
	a, b := e.key^c.key, keyOf(&n.ID)^c.key
	return a < b || a == b && c.target.CompareDistance(e.node.ID, n.ID) < 0
}
