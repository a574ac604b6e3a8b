package dht

import (
	"errors"
	"fmt"
	"net"

	"rollcall/dht/internal/search"
)

var (
	// ErrNoNodes reports an operation that no node of the network answered.
	ErrNoNodes = search.ErrNoNodes
	// ErrClosed reports a node that has been closed. It satisfies
	// errors.Is(err, net.ErrClosed).
	ErrClosed = fmt.Errorf("dht: the node is closed: %w", net.ErrClosed)
	// ErrNotFound reports a key, certificate or value that nobody holds.
	ErrNotFound = errors.New("not found")
	// ErrTooSlow tells the reader of a listen that it fell too far behind, and missed
	// some changes.
	ErrTooSlow = errors.New("dht: the reader of this listen is too slow")
	// ErrTooLarge reports a value over the network's limit of 64 KiB.
	ErrTooLarge = errors.New("the value is too large for the network: at most 65536 bytes")
)

// RemoteError is the error that a node answered with.
type RemoteError = search.RemoteError
