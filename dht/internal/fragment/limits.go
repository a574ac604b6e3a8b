package fragment

import "rollcall/dht/internal/wire"

// Limits of this implementation. Bytes are those of headers and parts plus a
// fixed sum for each record kept, so that memory stays within a small factor of
// them whatever the datagrams look like.
const (
	// maxMessages and maxBytes bound the messages whose header is here. Beyond
	// them, the one that waits longest for a part gives way.
	maxMessages = 2048
	maxBytes    = 32 << 20

	// maxEarly and maxEarlyBytes bound the parts without a header, apart from
	// the others: anybody can send them, and they must not push out what is
	// known to be wanted.
	maxEarly      = 256
	maxEarlyBytes = 4 << 20

	// A source is one IPv4 address or one IPv6 /64. It may use a quarter of the
	// bytes: enough for a reply with a hundred values of the largest size. Its
	// messages are as many as a node sends when it hands over its values.
	maxSourceBytes    = maxBytes / 4
	maxSourceMessages = 256
	maxSourceEarly    = 32

	// maxAhead bounds the parts of one value that wait for an earlier one: as
	// many as a value of the largest size has.
	maxAhead = wire.MaxPacked/sliceSize + 1

	// What a message, a value in it and a part out of order cost beside their
	// bytes: about the size of their records.
	messageCost = 512
	valueCost   = 64
	partCost    = 64
)
