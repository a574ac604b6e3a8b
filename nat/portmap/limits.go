package portmap

import "time"

const (
	// findTimeout ends a search: routers may wait a second before they answer it.
	findTimeout = 4 * time.Second
	// searchAgain is when devices are asked again that do not answer.
	searchAgain = time.Second
	// seekAgain and lookAgain are the least times between searches, while none is
	// known and to see whether a known one is still the one.
	seekAgain = 2 * time.Minute
	lookAgain = 15 * time.Minute
	// mapTimeout is how long a connection attempt waits for a mapping.
	mapTimeout = time.Second
	// renewTimeout and probeTimeout are for what nobody waits for.
	renewTimeout = 5 * time.Second
	probeTimeout = 5 * time.Second

	// lifetime of a mapping at the router: what is left after a crash goes soon.
	lifetime = 10 * time.Minute
	// minRenewal is the least time between renewals, whatever a router says.
	minRenewal = 30 * time.Second
	// maxMappings is how many there are at a time: home routers have room for a
	// few dozen of all hosts.
	maxMappings = 32
	// youth is how long a mapping is needed for certain: an attempt to connect
	// takes less.
	youth = 2 * time.Minute

	// maxDatagram is the largest answer to a search that is looked at.
	maxDatagram = 2048
	// maxAnswers is how many devices that answer are looked at, and maxAnswersEach
	// how many of them at one address.
	maxAnswers     = 8
	maxAnswersEach = 2
	// maxServices is how many services of a device are tried that might map ports.
	maxServices = 4
	// maxDocument bounds the descriptions and answers of a device, and maxHeader
	// what comes before.
	maxDocument = 128 << 10
	maxHeader   = 16 << 10
	// maxErrorText is how much is kept of what a device says went wrong.
	maxErrorText = 200
	// portTries is how many external ports are tried.
	portTries = 3
)
