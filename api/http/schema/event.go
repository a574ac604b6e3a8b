package schema

import (
	"time"

	"rollcall/dht/infohash"
)

// The types of events.
const (
	// Start begins a stream that continues no earlier one: what happened before
	// is not in it and is to be read afresh.
	Start               = "start"
	AccountsChanged     = "accounts"
	RegistrationChanged = "registration"
	SettingsChanged     = "settings"
	VolatileChanged     = "volatile"
	DevicesChanged      = "devices"
	ContactAdded        = "contact-added"
	ContactRemoved      = "contact-removed"
	RequestReceived     = "request-received"
	RequestClosed       = "request-closed"
	OutgoingChanged     = "outgoing"
	PresenceChanged     = "presence"
	NoteChanged         = "note"
	TextReceived        = "text-received"
	TextChanged         = "text"
	LeaseChanged        = "lease"
)

// Event is something that happened. Besides the first four fields it has those
// of its type.
type Event struct {
	ID      string    `json:"id" doc:"Give it as Last-Event-ID to continue after this event"`
	Type    string    `json:"type" enum:"start,accounts,registration,settings,volatile,devices,contact-added,contact-removed,request-received,request-closed,outgoing,presence,note,text-received,text,lease"`
	At      time.Time `json:"at,omitzero"`
	Account string    `json:"account,omitempty" doc:"Absent for what concerns no single account"`

	Peer           infohash.Hash `json:"peer,omitzero" doc:"Whom it is about: of contact, request, outgoing, presence and text events"`
	State          string        `json:"state,omitempty" doc:"Of registration, outgoing, text: sending, sent or failed"`
	Text           string        `json:"text,omitempty" doc:"Of registration, lease: says more, for people"`
	Settings       Settings      `json:"settings,omitempty" doc:"Of settings, volatile: all that there are"`
	Devices        []Device      `json:"devices,omitempty" doc:"Of devices: all that there are"`
	Confirmed      bool          `json:"confirmed,omitempty" doc:"Of contact-added"`
	Banned         bool          `json:"banned,omitempty" doc:"Of contact-removed"`
	ConversationID string        `json:"conversationId,omitempty" doc:"Of contact-added, contact-removed"`
	Request        *Request      `json:"request,omitempty" doc:"Of request-received, request-closed"`
	Replaces       string        `json:"replaces,omitempty" doc:"Of request-received: id of the request before it"`
	Reason         string        `json:"reason,omitempty" doc:"Of request-closed"`
	Kind           string        `json:"kind,omitempty" doc:"Of outgoing"`
	Status         string        `json:"status,omitempty" doc:"Of presence"`
	Cause          string        `json:"cause,omitempty" doc:"Of presence"`
	Contact        bool          `json:"contact,omitempty" doc:"Of presence: it is a contact"`
	Subscribed     bool          `json:"subscribed,omitempty" doc:"Of presence: some client has subscribed to it"`
	Note           string        `json:"note,omitempty" doc:"Of presence, with the cause note: the contact's own words, absent when it takes them back"`
	OwnNote        *Note         `json:"ownNote,omitempty" doc:"Of note: what the account says of itself from now on"`
	Message        *Text         `json:"message,omitempty" doc:"Of text-received, text"`
	Lease          *Lease        `json:"lease,omitempty" doc:"Of lease"`
}

// Lease tells how long announcements live.
type Lease struct {
	Seconds    float64 `json:"seconds"`
	Configured float64 `json:"configured"`
}
