package names

import "time"

const (
	// deadline bounds a request: the user waits for it.
	deadline = 5 * time.Second
	// retryAfter is how long a server that did not answer is not asked again. A
	// client looks up all its contacts at once when it starts.
	retryAfter = 30 * time.Second
	// maxAsking bounds the requests that are under way. A server takes some 100 ms,
	// and a client that starts has hundreds of contacts.
	maxAsking = 32
	// maxBody bounds an answer. Real ones have some 500 bytes.
	maxBody = 16 << 10
	// maxCached bounds the answers kept of each kind, 10 MB in all.
	maxCached = 50_000
	// foundLife is how long an answer is believed, missingLife how long that nobody
	// has a name: somebody may register it at any time.
	foundLife   = time.Hour
	missingLife = time.Minute
	// maxServers bounds the servers whose failure is remembered. Clients choose them.
	maxServers = 64
)
