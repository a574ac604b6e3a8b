package search

import "time"

// Constants of the protocol, visible to peers (opendht spec 7.1, 7.2, 7.9).
const (
	// Targets is the number of nodes closest to a key that hold its values.
	Targets = 8
	// ListenNodes is the number of those that a listen is placed on.
	ListenNodes = 4
	// Width is the number of live nodes that a search tries to know around its key.
	Width = 14
	// Alpha is the number of find and get requests in flight at a time.
	Alpha = 4
	// TokenLife is how long the last find or get reply of a node, its token and
	// its position count as current.
	TokenLife = 10 * time.Minute
	// ListenRepeat is the interval at which a listen is repeated, well before
	// storing nodes forget it.
	ListenRepeat = 20 * time.Second
	// RelaxedRepeat is the interval for who can wait. Storing nodes keep a listen
	// for ten minutes (opendht spec 6.4): more often only finds out sooner that
	// they have lost it, or that a NAT keeps their reports away.
	RelaxedRepeat = time.Minute
	// RefreshMargin is how long before the end of its life a permanent value is
	// announced again.
	RefreshMargin = 10 * time.Second
)
