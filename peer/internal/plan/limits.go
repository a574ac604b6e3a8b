package plan

import "time"

// Our own limits.
const (
	// minBackoff and maxBackoff bound the wait after attempts that failed, which
	// doubles; each is a quarter shorter to a quarter longer, so that many peers of
	// one that returns do not come at once.
	minBackoff = 30 * time.Second
	maxBackoff = 10 * time.Minute
	// minGap is the least time between the beginnings of two attempts without a
	// connection, whatever makes us hurry: anybody can repeat an announcement.
	minGap = 10 * time.Second
	// reconnect is the wait after a connection that was lost; it spreads like a
	// backoff.
	reconnect = 2 * time.Second
	// stable is how long a connection must have lasted for the peer to end it without
	// that counting as a failure: who accepts us and leaves at once is not asked in a
	// loop.
	stable = time.Minute
	// linger is how long we try to find a device again that fell silent, though
	// nobody announces it: as long as an announcement lives.
	linger = 10 * time.Minute
	// politeness is how long the device with the greater id waits before it asks
	// another for the first time, because both learn of each other at once and one
	// connection will do. It stays far below what a user notices.
	politeness = 500 * time.Millisecond
	// scatter is the time over which all devices are asked when the network
	// changed.
	scatter = 2 * time.Second

	// maxAttempts bounds the attempts of ours at a time. Each listens on the
	// addresses of this host, and most wait for an answer that does not come.
	maxAttempts = 32
	// maxAnswers bounds the requests that are being answered at a time, maxUnknown
	// those among them of devices that we do not want to connect to ourselves, and
	// maxAnswersEach those of one device.
	maxAnswers     = 64
	maxUnknown     = 16
	maxAnswersEach = 3
	// requestEvery is how often a device may ask, requestBurst how many times at once
	// after a rest: each request costs three private operations with a key. Peers ask
	// again after seconds at the earliest. maxAskers bounds those who are remembered
	// for it.
	requestEvery = 2 * time.Second
	requestBurst = 100
	maxAskers    = 4096
	// maxConnsEach bounds the connections with one device: two arise when both
	// sides ask, more only when old ones die unnoticed. The oldest goes.
	maxConnsEach = 4
	// maxConns bounds the connections with all devices.
	maxConns = 4096
	// maxSeen bounds the requests that are remembered here, oldest dropped first.
	// The network repeats one for ten minutes at most.
	maxSeen = 4096
)
