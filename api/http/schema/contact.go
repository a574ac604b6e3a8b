package schema

import (
	"time"

	"rollcall/dht/infohash"
)

// Contact is an entry of a contact list.
type Contact struct {
	Peer           infohash.Hash `json:"peer"`
	Added          time.Time     `json:"added,omitzero"`
	Removed        time.Time     `json:"removed,omitzero"`
	Active         bool          `json:"active"`
	Confirmed      bool          `json:"confirmed" doc:"The peer knows and agrees"`
	Banned         bool          `json:"banned"`
	ConversationID string        `json:"conversationId,omitempty"`
	Asked          string        `json:"asked,omitempty" enum:"queued,stored,seen,confirmed,cancelled" doc:"How far our request has come, absent without one under way"`
}

// Changed tells whether anything is different now.
type Changed struct {
	Changed bool `json:"changed"`
}

// Request is a trust request that waits for the user.
type Request struct {
	ID             string        `json:"id" doc:"What desktop clients know it by"`
	From           infohash.Hash `json:"from"`
	ConversationID string        `json:"conversationId,omitempty"`
	Title          string        `json:"title,omitempty" doc:"The name that the sender gives, unchecked"`
	Payload        []byte        `json:"payload,omitempty" doc:"A vCard; left out of events"`
	Received       time.Time     `json:"received"`
	Invited        time.Time     `json:"invited,omitzero" doc:"By the sender's clock"`
	Quiet          bool          `json:"quiet" doc:"It does not ask for attention"`
	Seen           bool          `json:"seen" doc:"The user has looked at it"`
}

// Seen names requests that the user has looked at.
type Seen struct {
	From []infohash.Hash `json:"from" maxItems:"1000"`
}

// NewRequest is what goes along with a trust request.
type NewRequest struct {
	Payload []byte `json:"payload,omitzero" required:"false" doc:"A vCard, at most 60000 bytes; one with the account's display name if left out"`
}

// Outgoing is a request or confirm of ours that is not delivered yet.
type Outgoing struct {
	Peer    infohash.Hash `json:"peer"`
	Kind    string        `json:"kind" enum:"request,confirm"`
	State   string        `json:"state" enum:"queued,stored,seen,confirmed,cancelled"`
	Sent    time.Time     `json:"sent"`
	Devices int           `json:"devices" doc:"Known devices of the recipient"`
}

// Policy decides which requests ask for attention.
type Policy struct {
	Mode    string          `json:"mode" enum:"everyone,quietly,approved-only"`
	Allowed []infohash.Hash `json:"allowed,omitempty" doc:"Accounts that are no strangers"`
	Codes   []string        `json:"codes,omitempty" doc:"Invite codes of at least 16 bytes, each good for one request"`
}
