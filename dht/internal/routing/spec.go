package routing

import "time"

// Constants of the protocol (opendht spec 7.7).
const (
	// bucketSize is the number of nodes in a bucket.
	bucketSize = 8
	// replyLife and heardLife are how long an answer, and any sign of life, keep
	// a node good.
	replyLife = 2 * time.Hour
	heardLife = 10 * time.Minute
	// bucketLife is how long a bucket may go without a reply before one of its
	// nodes is asked.
	bucketLife = 10 * time.Minute
	// growthLife is how long after the table grew its neighbourhood is explored.
	growthLife = 150 * time.Second
	// bootstrapDepth is the depth to which a bootstrap node splits every bucket.
	bootstrapDepth = 6
	// Maintenance of a bucket asks a neighbour bucket one time in neighbourOdds,
	// and for nodes of both families at least one time in bothOdds.
	neighbourOdds = 8
	bothOdds      = 38
	// maxReported is the number of own addresses kept per family (7.8).
	maxReported = 32
)
