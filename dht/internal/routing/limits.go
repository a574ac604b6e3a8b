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
	// evictionSample is how many acquaintances compete when one must go: enough
	// that a network with a fifth of all records is nearly always among them.
	evictionSample = 16
	// answerTime is how long after a request its node is left alone: the request
	// has then been answered or given up (opendht spec 2.4).
	answerTime = 10 * time.Second
	// askPause is the least time between two requests for the same bucket, so
	// that a bucket that stays empty does not keep the node busy.
	askPause = time.Minute
	// silence is how long a member may be silent before it is asked for a sign of
	// life: soon enough that one that works never stops being good.
	silence = heardLife - 2*time.Minute
)
