package routing

import "time"

// Limits of this implementation.
const (
	// maxNodes bounds the known nodes of one family: several times what a table
	// can hold, which is 161 buckets of 8.
	maxNodes = 4096
	// maxPerBucket and maxPerTable are how many nodes of one network (a /24 or
	// /48) a bucket and a table take, so that whoever owns one network cannot
	// surround this node.
	maxPerBucket = 2
	maxPerTable  = 10
	// evictionWindow is how many of the longest known nodes compete when one
	// must go: enough that a network with a tenth of all records is among them.
	evictionWindow = 16
	// answerTime is how long after a request its node is left alone: the request
	// has then been answered or given up (opendht spec 2.4).
	answerTime = 10 * time.Second
	// askPause is the least time between two requests for the same bucket, so
	// that a bucket that stays empty does not keep the node busy.
	askPause = time.Minute
)
