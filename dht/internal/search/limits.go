package search

import "time"

// Limits of this implementation.
const (
	// maxPeers bounds the nodes that one search remembers: enough for several
	// dead neighbourhoods, small enough that a thousand searches stay cheap.
	maxPeers = 48
	// maxPerNetwork is how many of the target nodes may share a /24 or /48, so
	// that one network cannot surround a key (private ranges are exempt).
	maxPerNetwork = 2
	// MaxKnownPerNetwork is how many may be among the nodes that a search
	// remembers: a network full of made-up neighbours must not push out the others.
	MaxKnownPerNetwork = 4
	// maxNamed is how many of the nodes that one answer names are taken up (opendht spec 2.2),
	// maxSureties how many of them at a time while they have not answered.
	maxNamed    = 8
	maxSureties = 2
	// sparseFrom and denseFrom are the numbers of nodes to be expected, by the estimate of
	// the size, within the distance of the last of 8 targets above which witnesses are added,
	// and below which targets are. Where all nodes are honest that happens in one search of
	// ten, to little cost, and in one of a hundred.
	sparseFrom = 13.5
	denseFrom  = 2.08
	// sizeLife is how long an estimate of the network's size is kept.
	sizeLife = time.Minute
	// witnesses is how many neighbours of this node a search asks, and doubtful how many
	// if the density leaves doubts, or if it is to put values: a put that goes astray is
	// missed by everybody.
	witnesses = 4
	doubtful  = 8
	// bystander is the rank, from 0, among the known nodes closest to the key of the one that
	// is asked besides: one that would hardly be asked otherwise.
	bystander = Width - 2
	// atOnce is how many requests of witnesses and others may be in flight before more
	// peers are asked than the witnesses lead to.
	atOnce = Alpha + 2
	// wary is how many nodes must have answered before a get believes that there is
	// nothing: the closest ones may all lie.
	wary = 20
	// keepAlive is how long a target node of a permanent value may be silent
	// before it is asked again: a value must not wait for its refresh to learn
	// that its holders are gone.
	keepAlive = 2 * time.Minute
	// emptyLimit is how long a search without any live node waits before its
	// gets and puts fail.
	emptyLimit = 8 * time.Second
	// refillPause is the least time between two fills of a search from the known nodes.
	refillPause = time.Second
	// detachGrace is how long what a given-up listen reported still counts: the
	// nodes that took over need a moment to report it themselves.
	detachGrace = 10 * time.Second
	// replacedGrace is the same for a listen that is placed anew on the same nodes, whose
	// answers may take long to come after a change of the network; relieveGrace is
	// what is left of it once they have come, for reports on their way.
	replacedGrace = time.Minute
	relieveGrace  = 2 * time.Second
	// maxCachedValues and maxCachedBytes bound what one listen remembers.
	maxCachedValues = 16384
	maxCachedBytes  = 16 << 20
	// endedLife is how long a report may be delayed by its repetitions; maxEnded
	// bounds the ends that are remembered for it.
	endedLife = 15 * time.Second
	maxEnded  = 1024
	// maxSourceValues bounds what one node can add to that.
	maxSourceValues = 4096
	// pageSize is the size in bytes from which an answer may be cut short by its
	// sender: this implementation cuts at twice as much.
	pageSize = 512 << 10
	// maxDoubted bounds the values of one push whose end is checked with the other
	// nodes.
	maxDoubted = 16
	// maxDenials bounds the nodes that are remembered to have lost a value which others
	// have.
	maxDenials = 64
	// getLimit is how long a get lasts at most, whatever the nodes that it asks do: they
	// may, one by one, deliver a great many values.
	getLimit = 5 * time.Minute
	// maxGetValues and maxGetBytes bound what one get delivers.
	maxGetValues = 65536
	maxGetBytes  = 64 << 20
	// retryPause is how long a node is left alone after it refused an operation.
	retryPause = 2 * time.Second
	// maxRefusals is how many times in a row a node may refuse our token before
	// the search does without it (opendht spec 7.6).
	maxRefusals = 3
)
