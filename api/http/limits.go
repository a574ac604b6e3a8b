package http

import "time"

// Limits of this implementation. Whoever reaches the API may use the daemon as
// they like, so these guard against mistakes and stuck clients.
const (
	// maxConns bounds open connections, and with them the goroutines.
	maxConns = 256
	// maxStreams leaves connections for other requests.
	maxStreams = 64
	maxHeader  = 16 << 10
	// maxBody has room for the payload of a request in base64.
	maxBody = 128 << 10
	// maxArchiveBody has room for the archive of an account with far more than
	// 100,000 contacts.
	maxArchiveBody = 24 << 20

	headerTimeout = 5 * time.Second
	bodyTimeout   = 30 * time.Second
	// operationTimeout bounds the longest operation, which asks the network.
	operationTimeout = time.Minute
	idleTimeout      = 2 * time.Minute
	shutdownTimeout  = 2 * time.Second

	// maxHistory is how many events a stream may be behind, or away, and miss
	// nothing.
	maxHistory = 4096
	// maxBatch is how many events are written at once, each time with
	// flushTimeout for the reader to take them.
	maxBatch     = 64
	flushTimeout = 10 * time.Second
	// heartbeat finds readers that are gone.
	heartbeat = 15 * time.Second

	// maxShownValue bounds what an error repeats of the value it refuses.
	maxShownValue = 80
)
