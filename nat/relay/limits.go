package relay

import "time"

const (
	// maxMessage is the largest message taken from a server. A nonce and a realm
	// have at most 763 bytes each (RFC 5389 15), and come together.
	maxMessage = 4 << 10
	// askTimeout ends a request while the listener stands. Over TCP nothing is
	// repeated.
	askTimeout = 10 * time.Second
	// bindTimeout ends the opening of a connection that a peer made; the server
	// keeps it for half a minute (RFC 6062 5.2), and the peer tries again.
	bindTimeout = 5 * time.Second
	// closeTimeout ends the farewell to the server.
	closeTimeout = time.Second
	// maxBinds is how many connections of peers are opened at a time, or wait for
	// Accept. An honest peer makes a few.
	maxBinds = 8
	// maxPermits is the number of addresses that may connect, which peers choose.
	maxPermits = 16
	// minLifetime and maxLifetime bound what a server says of the allocation's, so
	// that it is refreshed neither all the time nor never.
	minLifetime = time.Minute
	maxLifetime = time.Hour
)
