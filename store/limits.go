package store

// Limits of this implementation.
const (
	// maxJournal bounds the changes of contacts that can be undone.
	maxJournal = 10_000
	// maxSnapshots bounds the daily copies of a State: a week of them.
	maxSnapshots = 7
	// maxCertificates bounds the chains in a Cache, of which the longest unused
	// go first; at 5 kB each it stays under 250 MB.
	maxCertificates = 50_000
	// pageCache is what one database keeps in memory, in KiB; thousands of
	// accounts have one each.
	pageCache = 512
	// maxRequests bounds the treated requests in a Cache, oldest dropped first. A
	// contact makes one in half a minute at most, for ten minutes.
	maxRequests = 50_000
	// maxRevocations bounds the revocation lists in a Cache; one takes some
	// hundred bytes, and 64 kB at most.
	maxRevocations = 10_000
)
