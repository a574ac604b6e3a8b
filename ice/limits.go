package ice

import (
	"time"

	"rollcall/ice/internal/wire"
)

const (
	// MaxAddrs is the number of addresses that an agent listens at. Each takes
	// two candidates of the 31 that peers read, and mapped ports and a relay
	// must have room too.
	MaxAddrs = 12

	// maxPayload is the most that is written in one frame: a TLS record of the
	// size at which peers write theirs (peer spec 2.3).
	maxPayload = 16406
	// maxEarly is how much of the stream is kept for a connection before it is
	// selected: what a peer says first when its choice reaches us late. A TLS
	// hello has two kilobytes.
	maxEarly = 64 << 10
	// maxPending is the number of checks and answers that wait to be written to
	// a connection. A peer that makes more of them does not read.
	maxPending = 16
	// acceptPause is the time before a listener is asked again that failed.
	acceptPause = 100 * time.Millisecond
	// readBuffer holds a whole STUN message with its frame; larger reads of the
	// stream pass it by.
	readBuffer = wire.HeaderSize + wire.MaxCheck
)
