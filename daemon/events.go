package daemon

import (
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/presence"
	"rollcall/talk"
)

// Event is something that happened. All subscribers see all events, in the same
// order.
type Event struct {
	Seq     uint64 // counts up by one from event to event, from 1 at the start
	At      time.Time
	Account AccountID // "" for what concerns no single account
	Change  Change
}

// Change tells what an [Event] is about; the concrete types are those of this
// file. What a change says is on the disk before it is told.
type Change interface{ change() }

// AccountsChanged tells that an account came or went, or that their order is
// another. It precedes all other events of a new account but its first
// [RegistrationChanged] and [VolatileChanged], and no event follows that of a
// removed one.
type AccountsChanged struct{}

// RegistrationChanged tells the state of an account's connection to the network.
type RegistrationChanged struct {
	State State
	Text  string // says more about an error, for people
}

// DetailsChanged tells that settings of an account are others, see [Daemon.Details].
type DetailsChanged struct{ Details Details }

// VolatileChanged tells that the volatile details are others, see
// [Daemon.VolatileDetails].
type VolatileChanged struct{ Details Details }

// DevicesChanged tells that the known devices of the account are others.
type DevicesChanged struct{ Devices []Device }

// ContactAdded tells that a contact became active, confirmed, or has another
// conversation.
type ContactAdded struct {
	Peer           infohash.Hash
	Confirmed      bool
	ConversationID string
}

// ContactRemoved tells that a contact was removed or banned, or that the ban of
// somebody who is no contact was lifted.
type ContactRemoved struct {
	Peer           infohash.Hash
	Banned         bool
	ConversationID string // that it had until then
}

// RequestReceived tells of a new trust request. Replaces is the id that clients
// knew its predecessor by, "" if there is none or it is the same.
type RequestReceived struct {
	Request  Request
	Replaces string
}

// RequestClosed tells that a trust request is no longer pending. It precedes the
// ContactAdded or ContactRemoved of the same decision.
type RequestClosed struct {
	Request Request
	Reason  contact.Reason
}

// OutgoingChanged tells how far a request or confirm of ours has come.
type OutgoingChanged struct {
	Peer  infohash.Hash
	Kind  contact.Kind
	State contact.State
}

// PresenceChanged tells the status of an account. It also comes, with
// presence.CauseSubscribed, to repeat a status to somebody who subscribes.
type PresenceChanged struct {
	Peer       infohash.Hash
	Status     presence.Status
	Was        presence.Status // until then, the same if it is only told again
	Cause      presence.Cause
	Subscribed bool   // some client has subscribed to it
	Contact    bool   // it is a contact
	Note       string // with presence.CauseNote: the contact's own words, "" = none any more
}

// NoteChanged tells what the account says of itself from now on.
type NoteChanged struct{ Note Note }

// TextReceived tells of a message for people.
type TextReceived struct {
	Peer    infohash.Hash
	ID      uint64 // of the sender's choosing, 0 = none
	Type    string // its media type
	Content string // in UTF-8
}

// TextChanged tells how far a message of ours has come.
type TextChanged struct {
	Peer   infohash.Hash
	ID     uint64
	Status TextStatus
}

// TextStatus is how far a message has come: talk.Sending, talk.Sent, talk.Failed.
type TextStatus = talk.Status

// LeaseChanged warns that announcements live longer than configured, or tells
// that they do not any more.
type LeaseChanged struct {
	Lease, Configured time.Duration
	Reason            string
}

func (AccountsChanged) change()     {}
func (RegistrationChanged) change() {}
func (DetailsChanged) change()      {}
func (VolatileChanged) change()     {}
func (DevicesChanged) change()      {}
func (ContactAdded) change()        {}
func (ContactRemoved) change()      {}
func (RequestReceived) change()     {}
func (RequestClosed) change()       {}
func (OutgoingChanged) change()     {}
func (PresenceChanged) change()     {}
func (NoteChanged) change()         {}
func (TextReceived) change()        {}
func (TextChanged) change()         {}
func (LeaseChanged) change()        {}
