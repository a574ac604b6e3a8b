package peer

import (
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

const (
	// userType marks a value as a PeerConnectionRequest (peer spec 1.2).
	userType = "peer_request"
	// handshakeTimeout is what a handshake may take: a peer that has made its
	// account just now computes for seconds before it answers (peer spec 3.2).
	handshakeTimeout = 40 * time.Second
)

// SIPChannel is the name of channels that carry SIP (peer spec 5).
const SIPChannel = "sip"

// messagePrefix begins the names of channels that carry records.
const messagePrefix = "msg:"

// MessageChannel returns the name by which a device is asked for a channel that
// carries records (peer spec 7).
func MessageChannel(asked value.LongID) string { return messagePrefix + asked.String() }

// Talk reports whether a channel of this name is one by which people talk: a
// contact with one is connected (presence spec 4).
func Talk(name string) bool {
	return name == SIPChannel || len(name) >= len(messagePrefix) && name[:len(messagePrefix)] == messagePrefix
}

// The forms of the keys at which requests are put.
const (
	shortForm = iota
	longForm
	forms
)

// requestKeys returns where requests to a device are put: by its short id, where
// peers until 2026 look, and by its long id, where newer ones do (peer spec 1.1).
func requestKeys(short infohash.Hash, long value.LongID) [forms]infohash.Hash {
	return [forms]infohash.Hash{infohash.SumString("peer:" + short.String()), infohash.SumString("peer:" + long.String())}
}
