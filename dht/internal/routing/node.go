// Package routing knows the other nodes of the network: [Nodes] holds every
// node of one address family that was heard of, [Table] the well distributed
// few that are kept alive and told to others.
//
// Both are cores: no goroutine, no clock, no socket, not safe for concurrent
// use. Source: opendht spec 7.5, 7.7 and 7.8.
package routing

import (
	"net/netip"
	"time"

	"rollcall/dht/infohash"
)

// Node is what is known of one node. Its ID never changes. Addr changes by
// [Nodes.Move] only; the other exported fields are up to the owner of the record,
// best by Hear, Answer and Fail. A record that its Nodes has given up stays valid
// for those who still hold it.
type Node struct {
	ID   infohash.Hash
	Addr netip.AddrPort

	Heard     time.Time // last message of any kind
	Replied   time.Time // last answer to a request of ours
	Requested time.Time // last request of ours
	Sought    time.Time // last request of ours to where it is said to have moved
	Failures  int       // requests in a row that were not answered
	Expired   bool      // the last request was not answered, nothing was heard since
	Client    bool      // uses the network without serving it

	member     bool  // of a Table
	queued     bool  // among the strangers of its Nodes
	prev, next *Node // in that queue
}

// Hear notes a message from the node.
func (n *Node) Hear(now time.Time) {
	n.Heard = now
	n.Expired = false
}

// Answer notes a reply of the node to a request of ours.
func (n *Node) Answer(now time.Time) {
	n.Hear(now)
	n.Replied = now
	n.Failures = 0
}

// Fail notes that the node did not answer a request.
func (n *Node) Fail() {
	n.Expired = true
	n.Failures++
}

// Good reports whether the node has proved that it works: not expired, answered
// within 2 hours, heard within 10 minutes.
func (n *Node) Good(now time.Time) bool {
	return n.goodSince(goodSince(now))
}

// goodSince returns since when a node must have been heard and have replied to be
// good now.
func goodSince(now time.Time) (heard, replied time.Time) {
	return now.Add(-heardLife), now.Add(-replyLife)
}

// goodSince is Good for many nodes: the times are reckoned once.
func (n *Node) goodSince(heard, replied time.Time) bool {
	return !n.Expired && n.Heard.After(heard) && n.Replied.After(replied)
}

// Dubious reports whether the node is neither good nor expired.
func (n *Node) Dubious(now time.Time) bool { return !n.Expired && !n.Good(now) }

// Live reports whether the node may be asked to serve: neither expired nor a
// client. It serves as a filter of [Nodes.Closest].
func (n *Node) Live() bool { return !n.Expired && !n.Client }

// answered reports whether the node has ever answered since the last reset.
func (n *Node) answered() bool { return !n.Replied.IsZero() }

// asked reports whether a request to the node may still be in flight.
func (n *Node) asked(now time.Time) bool { return now.Sub(n.Requested) < answerTime }

// reset makes the node one that nothing is known of but its address.
func (n *Node) reset() {
	n.Heard, n.Replied, n.Requested, n.Sought = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	n.Failures, n.Expired = 0, false
}
