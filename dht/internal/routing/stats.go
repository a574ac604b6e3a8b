package routing

import "time"

// Counts says in which state the members of a table are. Expired ones, and clients,
// count as neither.
type Counts struct {
	Good     int
	Dubious  int
	Incoming int // good ones that were heard of their own accord after their last answer
	Cached   int // newcomers that wait for a place
}

// Counts counts the members at now.
func (t *Table) Counts(now time.Time) (c Counts) {
	for _, e := range t.members {
		switch n := e.node; {
		case !n.Live():
		case !n.Good(now):
			c.Dubious++
		default:
			c.Good++
			if n.Heard.After(n.Replied) {
				c.Incoming++
			}
		}
	}
	for i := range t.buckets {
		if t.buckets[i].cached != nil {
			c.Cached++
		}
	}
	return c
}

// HasGood reports whether there is a good node, without counting them all.
func (t *Table) HasGood(now time.Time) bool {
	for _, e := range t.members {
		if e.node.Good(now) {
			return true
		}
	}
	return false
}

// HasDubious reports whether there is a dubious node.
func (t *Table) HasDubious(now time.Time) bool {
	for _, e := range t.members {
		if e.node.Dubious(now) {
			return true
		}
	}
	return false
}

// NetworkSize estimates the number of nodes in the network, this one included,
// from how close the closest good nodes are to the own id.
func (t *Table) NetworkSize(now time.Time) int {
	var buf [bucketSize]*Node
	near := t.Closest(now, t.own, bucketSize, buf[:0])
	if len(near) < bucketSize {
		return len(near) + 1
	}
	farthest := t.own.Xor(near[bucketSize-1].ID)
	// Ids closer than this leave no room for chance: they were made up.
	distance := max(keyOf(&farthest), 1<<16)
	return int((bucketSize-1)*(^uint64(0)/distance)) + 1
}
