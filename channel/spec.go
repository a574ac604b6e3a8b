package channel

import "time"

// The reserved channels, and the longest payload of a frame (peer spec 4.1).
const (
	Control    = 0
	Protocol   = 0xffff
	MaxPayload = 65535
)

// Version is the version of the protocol that we announce (peer spec 4.2).
const Version = 1

// The states of a channel request (peer spec 4.3).
const (
	stateRequest = iota
	stateAccept
	stateDecline
)

// The TLS client counts the channels that it asks for up from 1, the server
// from 0x8000 (peer spec 4.3).
const (
	firstOfClient = 0x0001
	lastOfClient  = 0x7fff
	firstOfServer = 0x8000
	lastOfServer  = 0xfffe
)

// BeaconTimeout is how long the answer to a beacon may take (peer spec 4.5).
const BeaconTimeout = 3 * time.Second
