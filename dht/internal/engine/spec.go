package engine

import "time"

// Constants of the protocol (opendht spec).
const (
	// maxTries is how often a request is sent; its gaps are 2*firstGap plus up to
	// gapJitter, doubled each time (2.4).
	maxTries  = 3
	firstGap  = 500 * time.Millisecond
	gapJitter = 250 * time.Millisecond
	// closestNodes is how many nodes a reply names (2.2).
	closestNodes = 8
	// bootstrapFirst and bootstrapMost bound the pauses between two tries to
	// reach the network while it is out of reach (7.8).
	bootstrapFirst = 10 * time.Second
	bootstrapMost  = 24 * time.Hour
	// A node tends its buckets often while something changes and rarely otherwise (7.7).
	busyLeast, busyMost   = 5 * time.Second, 25 * time.Second
	quietLeast, quietMost = 60 * time.Second, 180 * time.Second
	startLeast, startMost = 3 * time.Second, 5 * time.Second
)
