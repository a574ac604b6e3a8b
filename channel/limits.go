package channel

import "time"

const (
	// MaxChannels bounds the channels that either side has asked for on one
	// connection, open or not. Peers open about ten.
	MaxChannels = 32

	// RequestRate, per second, and RequestBurst bound the requests of the peer that are
	// considered: each costs all who are told of channels, and one frame has room for
	// thousands. Peers ask for one for each commit that they hear of.
	RequestRate  = 4
	RequestBurst = 128

	// MaxName is the longest name of a channel in bytes. The names of file
	// transfers are the longest, at about 330.
	MaxName = 512

	// Window is how many bytes of a channel may wait for their reader. Four
	// of the longest frames: enough to keep a transfer going.
	Window = 256 << 10

	// MaxUnread bounds the bytes of all channels together that wait for
	// their readers.
	MaxUnread = 1 << 20

	// StallLimit is how long a channel whose reader is behind may hold back
	// the others. It must be shorter than BeaconTimeout, because our answers
	// to beacons wait as well.
	StallLimit = 2 * time.Second

	// DecisionLimit is how long a request of the peer waits for Accept or
	// Decline until it is declined. Peers of 2026 give up the connection when
	// a request for "sip" is unanswered for 3 s.
	DecisionLimit = time.Second

	// AnswerLimit is how long the peer may take to answer a request of ours.
	// Daemons answer within milliseconds, loaded ones within seconds.
	AnswerLimit = 30 * time.Second

	// BeaconAfter is the silence after which a beacon is sent. The TLS client waits
	// for ClientWait longer, because one that is answered tells both sides enough. A
	// driver may put a beacon off, so that many connections send theirs together: by
	// less than ClientWait, and such that it stays, with BeaconTimeout, below the 30 s
	// within which a dead peer must be noticed.
	BeaconAfter = 20 * time.Second
	ClientWait  = 5 * time.Second

	// Stall is how late Tick must be called for us to have been kept from running,
	// which is no reason to take a peer for dead: what it has sent meanwhile is still
	// to be read. looks is how many times the answer to a beacon is looked for before
	// it is too late: who was kept from running for longer than Stall and the time
	// between two of them has noticed that by the last.
	Stall = time.Second / 2
	looks = 3

	// MaxOutput is how many bytes may wait to be sent before Write takes no
	// more.
	MaxOutput = 64 << 10

	// MaxBacklog is how many bytes may wait to be sent in all, answers to the
	// peer included: who asks without reading is cut off.
	MaxBacklog = 256 << 10
)
