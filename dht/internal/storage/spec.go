package storage

import "time"

// Constants of the protocol (opendht spec 6).
const (
	// maxKeyValues bounds the values of one key (6.1).
	maxKeyValues = 65536
	// listenLife is how long a listener stays after its last listen (6.4).
	listenLife = 10 * time.Minute
	// maxPushValues bounds the packed values of one push with more than one of
	// them, in bytes (2.6).
	maxPushValues = 56 << 10
)
