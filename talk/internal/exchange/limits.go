package exchange

import (
	"time"

	"rollcall/sip"
)

const (
	// MaxNote bounds our note and what is kept of others', in bytes: a few lines.
	MaxNote = 512
	// maxText bounds a text of ours in bytes; with its record it fits into one
	// frame. By SIP only shorter ones go: maxBySIP leaves room for the head.
	maxText  = 60 << 10
	maxBySIP = sip.MaxSent - 1000
	// maxType bounds its media type.
	maxType = 128
	// maxTexts bounds the texts that are kept for textLimit, and maxPending what
	// their contents take in all.
	maxTexts   = 256
	maxPending = 1 << 20
	// maxStatuses is of how many texts, the latest, it is known how far they have
	// come: clients ask for it after a restart of theirs.
	maxStatuses = 1024
	// textLimit is how long a text waits for a device: to find one and connect takes
	// seconds, to wait for somebody to come home is not our business.
	textLimit = time.Minute

	// grace is how long the peer gets to open a channel first. Daemons of 2026 do
	// so as soon as they are connected, and with two channels they send all twice.
	// The device with the lower id waits for half of it, so that two that wait do
	// not both open one.
	grace = 200 * time.Millisecond
	// reopenAfter is how long a channel that the peer closed stays closed; it
	// doubles each time.
	reopenAfter = 10 * time.Second
	maxReopen   = 10 * time.Minute
	// answerLimit is how long a MESSAGE waits for its answer (peer spec 1.6).
	answerLimit = 32 * time.Second
	// maxUnanswered bounds those that wait on one channel.
	maxUnanswered = 64

	// maxChannels bounds the channels of a connection that are listened to. Daemons
	// open two or three.
	maxChannels = 8
	// maxSeen is how many messages are known by their ids, for all peers together:
	// copies arrive within seconds, or with the next connection.
	maxSeen = 4096
	// receiveRate, per second, and receiveBurst bound the messages that are told of one
	// account: nobody types more, and each costs all who listen. An account can make
	// itself as many devices as it likes.
	receiveRate  = 10
	receiveBurst = 100
)
