package exchange

import (
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// Effect is something for the driver to do, or an event. The concrete types are
// those of this file.
type Effect interface{ effect() }

// Ask asks for a channel to be opened. The driver answers with
// [Exchange.Opened] or [Exchange.Refused].
type Ask struct {
	Conn ConnID
	Kind Kind
}

// Write asks for data to be written to a channel, in order. The data belongs to
// the driver.
type Write struct {
	Channel ChannelID
	Data    []byte
}

// Close asks for a channel to be closed. It is unknown to the exchange from then
// on. Reason is a mistake of the peer, or [ErrUnanswered].
type Close struct {
	Channel ChannelID
	Reason  error
}

// Seek asks for a connection with a device of an account: a text waits for one.
type Seek struct{ Account infohash.Hash }

// NoteReceived tells the note of an account; it is "" when taken back.
type NoteReceived struct {
	Account infohash.Hash
	Device  value.LongID
	Text    string
	At      time.Time
}

// TextReceived tells of a message for people.
type TextReceived struct {
	Account infohash.Hash
	Device  value.LongID
	ID      uint64 // of the sender's choosing, 0 = none
	Type    string // its media type
	Content string // in UTF-8, without zero bytes
	At      time.Time
}

// TextChanged tells how far a text of ours has come.
type TextChanged struct {
	ID      uint64
	Account infohash.Hash // that it is for
	Status  Status
}

// NoteExpired tells that our own note has ended by itself.
type NoteExpired struct{}

func (Ask) effect()          {}
func (Write) effect()        {}
func (Close) effect()        {}
func (Seek) effect()         {}
func (NoteReceived) effect() {}
func (TextReceived) effect() {}
func (TextChanged) effect()  {}
func (NoteExpired) effect()  {}

// Status is how far a text has come, by the numbers that clients know (dbus spec
// 2.7).
type Status uint8

// The statuses.
const (
	Sending Status = 1 // on the way, or waiting for a connection
	Sent    Status = 2 // given to a device of the account
	Failed  Status = 4 // no device took it in time
)

func (s Status) String() string {
	switch s {
	case Sending:
		return "sending"
	case Sent:
		return "sent"
	}
	return "failed"
}
