package agent

import "time"

// Our own limits.
const (
	// maxDials is how many candidates of a peer are connected to, the most
	// promising first. It also bounds what a peer can make us knock at.
	maxDials = 16
	// maxRelays is how many among them may be at relays, which are connected to again
	// and again: two servers, by IPv4 and IPv6.
	maxRelays = 4
	// maxAccepted is the number of connections taken from others at a time. An
	// honest peer makes one for each of its addresses and of ours.
	maxAccepted = 16
	// helloTimeout is how long an accepted connection may be silent about who it
	// is. Peers send a check at once.
	helloTimeout = 5 * time.Second
	// maxConflicts is the number of role conflicts that one connection may tell
	// of. One settles an honest pair; with ourselves there would be no end.
	maxConflicts = 3
	// keepalive is the silence of ours after which a NAT on the way, and the peer, see
	// that the connection is in use. Peers wait for 20 to 25 s, and need none; beacons
	// of the stream, which serve as well, go every 20 to 26 s.
	keepalive = 30 * time.Second
	// totalTimeout ends the agent whatever goes on: a peer that keeps opening
	// connections must not keep it alive.
	totalTimeout = 40 * time.Second
)
