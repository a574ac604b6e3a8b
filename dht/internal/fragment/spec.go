package fragment

import (
	"time"

	"rollcall/dht/internal/wire"
)

// Constants of the protocol (opendht spec 2.8).
const (
	gap   = 3 * time.Second  // what a message may wait for the next useful part
	total = 10 * time.Second // what it may take from its first datagram on

	// Parts that come before their message: the bytes of the largest push, in
	// slices of the size that peers send.
	sliceSize  = 1280
	earlySize  = 56<<10 + wire.MaxPacked
	earlyParts = earlySize/sliceSize + 2
)
