package schema

import (
	"time"

	"rollcall/dht/infohash"
)

// Presence is what is known of the presence of one account.
type Presence struct {
	Peer          infohash.Hash    `json:"peer"`
	Status        string           `json:"status" enum:"offline,online,connected"`
	Since         time.Time        `json:"since,omitzero" doc:"When the status was last another"`
	LastSeen      time.Time        `json:"lastSeen,omitzero" doc:"Last sign of life"`
	Contact       bool             `json:"contact"`
	Subscriptions int              `json:"subscriptions" doc:"How often clients have subscribed to it"`
	Flaps         uint64           `json:"flaps" doc:"Gaps too short to be shown"`
	Note          string           `json:"note,omitempty" doc:"Its own words, of the last time that it was connected"`
	Noted         time.Time        `json:"noted,omitzero" doc:"When it said so, or took its words back"`
	Devices       []PresentDevice  `json:"devices,omitempty"`
	History       []PresenceChange `json:"history,omitempty" doc:"Oldest first"`
}

// PresentDevice is a device that is on the network.
type PresentDevice struct {
	ID      infohash.Hash `json:"id"`
	LongID  string        `json:"longId,omitempty"`
	Verdict string        `json:"verdict" enum:"unknown,genuine,foreign,revoked" doc:"What its certificate says"`
	Until   time.Time     `json:"until,omitzero" doc:"When its last announcement ends unless renewed"`
}

// PresenceChange is an entry of a presence history: another status, or a note.
type PresenceChange struct {
	At     time.Time `json:"at"`
	Status string    `json:"status" enum:"offline,online,connected"`
	Noted  bool      `json:"noted,omitempty" doc:"The status is as before, and the note was told"`
	Note   string    `json:"note,omitempty"`
}

// Announcements is the answer to a single question for an account's presence.
type Announcements struct {
	Peer       infohash.Hash   `json:"peer"`
	Online     bool            `json:"online" doc:"At least one device counts"`
	Devices    []PresentDevice `json:"devices"`
	Revocation time.Time       `json:"revocation,omitzero" doc:"Date of the newest revocation list"`
	Rejected   int             `json:"rejected" doc:"Values at the account's key that do not count"`
}

// Name is a registered name with the account that has it.
type Name struct {
	Name    string        `json:"name"`
	Address infohash.Hash `json:"address"`
}
