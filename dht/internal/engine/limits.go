package engine

import "time"

// Limits of this implementation.
const (
	// maxRequests bounds the pending requests of this node.
	maxRequests = 16384
	// maxPushes and maxPushBytes bound the updates to listeners among them, and the
	// values that are kept to repeat these.
	maxPushes    = maxRequests / 2
	maxPushBytes = 16 << 20
	// bridged is the longest absence of a node that its own repeated requests and
	// those of others bridge.
	bridged = 10 * time.Second
	// keptArena is the memory for packets that is kept for the next ones.
	keptArena = 1 << 20
	// maxIdleSearches and idleSearch bound the searches kept for the next
	// operation on their key: their tokens are good for ten minutes.
	maxIdleSearches = 1024
	idleSearch      = 10 * time.Minute
	// beat is the granularity of what searches wait for, of which the repetition of
	// listens every 20 s is the most.
	beat = 500 * time.Millisecond
	// maxProven bounds each of the two generations of addresses that have proved
	// that they receive what is sent to them; a generation lasts provenLife.
	maxProven  = 8192
	provenLife = 5 * time.Minute
	// maxDeferred and deferredLife bound the large answers that wait for a sign
	// of life of the address that asked.
	maxDeferred  = 512
	deferredLife = 2 * time.Second
	// maxDeferredPerAddress keeps one address, which may be forged, from filling
	// that queue; maxDeferredQuery bounds the queries in it, in bytes.
	maxDeferredPerAddress = 16
	maxDeferredQuery      = 1024
	// maxAnswer bounds the values of one answer in bytes. Who wants more asks for
	// ids first and then for single values.
	maxAnswer = 1 << 20
	// answerRate and answerBurst bound the bytes of large answers to one address
	// per second.
	answerRate  = 4 << 20
	answerBurst = 8 << 20
	// maxChecks and maxCheckBytes bound the puts that wait for a signature check.
	maxChecks     = 1024
	maxCheckBytes = 8 << 20
	// maxChecksPerOrigin keeps one address or /64 from filling that queue.
	maxChecksPerOrigin = 256
	// A change of the neighbourhood is looked at after republishLeast to
	// republishMost, by the republishers holders of a key that are closest to it,
	// in steps of keysPerStep keys and handoversPerStep nodes every republishStep.
	republishers     = 3
	republishLeast   = 5 * time.Second
	republishMost    = 15 * time.Second
	republishStep    = 100 * time.Millisecond
	keysPerStep      = 512
	handoversPerStep = 8
	// maxChanges bounds the nodes of one pass, maxHandovers the queue from which
	// the pass goes on, maxHandoverValues the values given to one node at a time.
	maxChanges        = 64
	maxHandovers      = 1024
	maxHandoverValues = 64
	// republishWorth is the least life left that a value is handed on for.
	republishWorth = 20 * time.Second
	// maxStrangers bounds the nodes of a family that wait for their first ping, of
	// which strangersAtOnce are sent every strangerEvery.
	maxStrangers    = 512
	strangersAtOnce = 16
	strangerEvery   = 100 * time.Millisecond
	// strangerPause is the least time between two pings to check where a node is.
	strangerPause = 10 * time.Second
	// hearsayPause is how long an expired node is left alone, whatever others say
	// of it.
	hearsayPause = 30 * time.Second
	// maxUnproven bounds the values or fields, and nodes, that an address gets before
	// it has proved itself: with the rest of the reply, 18 times the shortest request.
	maxUnproven = 900
	// maxFields bounds the fields that fit into one datagram.
	maxFields = 60000
	// maxLost bounds the nodes that get a second chance at a time.
	maxLost = 256
)

// Pauses before a lost node that once was good is asked again: a burst of lost
// packets must not cost a neighbour, and a dead one must not cost much.
var secondChances = [...]time.Duration{2 * time.Second, 10 * time.Second, 60 * time.Second}
