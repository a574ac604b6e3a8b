package agent

import "time"

// Times of the protocol as peers keep them (peer spec 1.6 and 2.4).
const (
	// dialTimeout ends an attempt to connect.
	dialTimeout = 15 * time.Second
	// retransmit is the time to the first repetition of a check; it doubles each
	// time. On TCP an answer is only late where the peer is, or has not heard of
	// us yet.
	retransmit = 500 * time.Millisecond
	// transmissions is how often a check is sent before its connection is given
	// up.
	transmissions = 7
	// lastWait is the time that the last one is given.
	lastWait = 1600 * time.Millisecond
	// relayDelay is how long the controlling side prefers to wait for a direct
	// connection while it has only relayed ones.
	relayDelay = 400 * time.Millisecond
	// idleTimeout ends the agent when no attempt is under way: nobody connects to
	// us, or the controlling side does not nominate.
	idleTimeout = 10 * time.Second
	// dialPause is the time between two attempts to connect (Ta of RFC 5245).
	dialPause = 20 * time.Millisecond
	// A relayed address is tried again: its server may not know yet that we are
	// permitted (peer spec 2.5).
	relayDials = 24
	relayPause = 500 * time.Millisecond
)

// Sizes of credentials in bytes before they become hexadecimal (peer spec 2.1).
const (
	ufragSize    = 4
	passwordSize = 12
)
