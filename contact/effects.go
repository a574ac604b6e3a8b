package contact

import "rollcall/dht/infohash"

// Effect is something for the driver to do. Of the concrete types, Save… and
// Delete… change what is stored, and [Put] goes to the network. The others are
// events for clients: [ContactAdded], [ContactRemoved], [RequestReceived],
// [RequestClosed] and [OutgoingChanged].
type Effect interface{ effect() }

// Cause tells who changed a contact.
type Cause uint8

// The causes of a change.
const (
	ByUser Cause = iota // an operation of this device's user
	ByPeer              // a message of the contact
	BySync              // another device of the account
)

func (c Cause) String() string {
	return [...]string{"user", "peer", "sync"}[c]
}

// SaveContact stores the state of a contact. Old is the record that it
// replaces, zero if there was none: kept beside the new one it makes a journal by
// which any change can be undone (threat A18).
type SaveContact struct {
	Peer    infohash.Hash
	Contact Contact
	Old     Record
	Cause   Cause
	Device  infohash.Hash // the syncing device with BySync, else zero
}

// SaveRequest stores a pending request in place of any other of its account.
type SaveRequest struct{ Request Request }

// DeleteRequest removes the pending request of an account.
type DeleteRequest struct{ From infohash.Hash }

// SaveDecision stores which requests of an account are decided.
type SaveDecision struct{ Decision Decision }

// DeleteDecision forgets them.
type DeleteDecision struct{ Peer infohash.Hash }

// SaveOutgoing stores a message that is to be delivered.
type SaveOutgoing struct{ Outgoing Outgoing }

// DeleteOutgoing removes it, with the encrypted values that were made of it, and
// cancels its puts.
type DeleteOutgoing struct {
	Peer infohash.Hash
	Kind Kind
}

// SavePolicy stores the policy, from which a used invite code is gone.
type SavePolicy struct{ Policy Policy }

// Put asks for a message to be put at the inbox of a device, once; the driver
// answers with [List.PutDone]. It encrypts the message when it meets Ref for the
// first time, stores the packed value until DeleteOutgoing or DeleteDelivery,
// and puts the same bytes from then on: for recipients they are one event.
type Put struct {
	Ref     Ref
	Message Message // with From, Device and DeviceKey zero: they are ours
}

// DeleteDelivery removes the encrypted value made for one device.
type DeleteDelivery struct{ Ref Ref }

// ContactAdded tells that a contact became active, confirmed, or another
// conversation of the peer.
type ContactAdded struct {
	Peer           infohash.Hash
	Confirmed      bool
	ConversationID string
}

// ContactRemoved tells that a contact was removed or banned, or that a ban was
// taken back without adding. Connections to it are to be closed.
// ConversationID is what the contact had until then.
type ContactRemoved struct {
	Peer           infohash.Hash
	Banned         bool
	ConversationID string
}

// RequestReceived tells of a new pending request. Replaces is the request of the
// same account that it supersedes, which gets no RequestClosed, or nil.
type RequestReceived struct {
	Request  Request
	Replaces *Request
}

// RequestClosed tells that a request is no longer pending. It precedes the
// ContactAdded or ContactRemoved of the same decision.
type RequestClosed struct {
	Request Request
	Reason  Reason
}

// Reason tells why a request is no longer pending.
type Reason uint8

// The reasons.
const (
	Accepted  Reason = iota // by the user, or because both sides asked
	Discarded               // by the user, or by removal of its sender
	Blocked                 // its sender was banned
	Settled                 // another device of the account decided
	Evicted                 // dropped for newer ones; it may come back
)

func (r Reason) String() string {
	return [...]string{"accepted", "discarded", "blocked", "settled", "evicted"}[r]
}

// OutgoingChanged tells how far a request or confirm of ours has come.
type OutgoingChanged struct {
	Peer  infohash.Hash
	Kind  Kind
	State State
}

func (SaveContact) effect()     {}
func (SaveRequest) effect()     {}
func (DeleteRequest) effect()   {}
func (SaveDecision) effect()    {}
func (DeleteDecision) effect()  {}
func (SaveOutgoing) effect()    {}
func (DeleteOutgoing) effect()  {}
func (SavePolicy) effect()      {}
func (Put) effect()             {}
func (DeleteDelivery) effect()  {}
func (ContactAdded) effect()    {}
func (ContactRemoved) effect()  {}
func (RequestReceived) effect() {}
func (RequestClosed) effect()   {}
func (OutgoingChanged) effect() {}
