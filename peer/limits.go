package peer

import "time"

// Limits of this implementation; those of the decisions are in package plan.
const (
	// GatherLimit is how long a request or an answer waits for mapped ports and
	// relays. A peer on the same network should not notice.
	GatherLimit = 2 * time.Second

	// findTimeout ends the search for the certificate of a device that asks: it
	// waits for us half a minute only.
	findTimeout = 20 * time.Second
	// putTimeout ends a put that nobody acknowledges.
	putTimeout = 20 * time.Second
	// maxPublic bounds the public addresses that are told, as others report them.
	maxPublic = 2
	// maxConnsOfOne bounds the connections with the devices of one account, which can
	// make itself as many as it likes: a dozen devices, each with as many connections
	// as plan allows.
	maxConnsOfOne = 48
	// maxStrangers bounds the connections of those who are no contacts.
	maxStrangers = 32
)
