package contact

import (
	"cmp"
	"slices"
	"time"

	"rollcall/dht/infohash"
)

// Decision remembers which requests of one account are decided, so that none
// comes back when its value is delivered again, by a restart or on purpose
// (threat A5). A request is decided when its date is not later than Invited, or
// when it is one of Digests.
type Decision struct {
	Peer    infohash.Hash
	Invited int64    // latest date among the decided requests that had one
	Digests []Digest // of decided requests, oldest first; not changed in place
	At      int64    // time of the last decision
}

// decided holds the decisions of the last year, the latest of them if there are
// too many.
type decided struct {
	byPeer map[infohash.Hash]Decision
	oldest int64 // no decision is older, so that pruning is rarely a search
}

func (d *decided) restore(decisions []Decision) {
	d.byPeer = make(map[infohash.Hash]Decision, len(decisions))
	for _, decision := range decisions {
		d.byPeer[decision.Peer] = decision
	}
	d.oldest = 0
}

// known reports whether a request of the account was decided. invited is its
// date as we accept it.
func (d *decided) known(peer infohash.Hash, digest Digest, invited int64) bool {
	decision := d.byPeer[peer]
	return invited != 0 && invited <= decision.Invited || slices.Contains(decision.Digests, digest)
}

// reachedSince reports whether there was a decision about the account at t or
// later.
func (d *decided) reachedSince(peer infohash.Hash, t int64) bool {
	decision, ok := d.byPeer[peer]
	return ok && decision.At >= t
}

// remember marks a request as decided and returns the new state.
func (d *decided) remember(now time.Time, peer infohash.Hash, digest Digest, invited int64) Decision {
	decision := d.byPeer[peer]
	decision.Peer = peer
	decision.Invited = max(decision.Invited, invited)
	decision.At = now.UnixMilli()
	if !slices.Contains(decision.Digests, digest) {
		digests := decision.Digests[max(0, len(decision.Digests)-maxDigests+1):]
		decision.Digests = append(slices.Clone(digests), digest)
	}
	d.byPeer[peer] = decision
	return decision
}

// prune forgets what is over a year old or too much and returns the accounts
// concerned, in order.
func (d *decided) prune(now time.Time) []infohash.Hash {
	horizon := now.Add(-decisionLife).UnixMilli()
	if len(d.byPeer) <= maxDecisions && d.oldest >= horizon {
		return nil
	}
	all := make([]Decision, 0, len(d.byPeer))
	for _, decision := range d.byPeer {
		all = append(all, decision)
	}
	slices.SortFunc(all, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(a.At, b.At), a.Peer.Compare(b.Peer))
	})
	var gone []infohash.Hash
	// A tenth goes at once, so that a full memory is not searched every time.
	if len(all) > maxDecisions {
		gone = peersOf(gone, all[:maxDecisions/10])
		all = all[maxDecisions/10:]
	}
	n, _ := slices.BinarySearchFunc(all, horizon, func(a Decision, t int64) int { return cmp.Compare(a.At, t) })
	gone = peersOf(gone, all[:n])
	for _, peer := range gone {
		delete(d.byPeer, peer)
	}
	d.oldest = horizon
	if n < len(all) {
		d.oldest = all[n].At
	}
	return gone
}

func peersOf(gone []infohash.Hash, decisions []Decision) []infohash.Hash {
	for _, decision := range decisions {
		gone = append(gone, decision.Peer)
	}
	return gone
}
