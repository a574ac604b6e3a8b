package account

import (
	"rollcall/contact"
	"rollcall/dht/value"
	"rollcall/presence"
	"rollcall/talk"
)

// Event is what [Config].Notify is told. It is a [StateChanged], a [DeviceAdded],
// or one of these of the state machines:
//
//	contact.ContactAdded     contact.RequestReceived   contact.OutgoingChanged
//	contact.ContactRemoved   contact.RequestClosed
//	presence.StatusChanged   presence.Announced        presence.LeaseChanged
//	talk.TextReceived        talk.TextChanged          talk.NoteExpired
type Event any

// State is how the account stands with the network.
type State uint8

// The states.
const (
	Unregistered State = iota // stopped
	Trying                    // looking for the network
	Registered                // a node of the network answers
)

func (s State) String() string { return [...]string{"unregistered", "trying", "registered"}[s] }

// StateChanged tells the state.
type StateChanged struct{ State State }

// DeviceAdded tells of another device of the account.
type DeviceAdded struct {
	ID   value.LongID
	Name string
}

// isEvent reports whether an effect of a state machine is for Notify.
func isEvent(effect any) bool {
	switch effect.(type) {
	case contact.ContactAdded, contact.ContactRemoved, contact.RequestReceived, contact.RequestClosed,
		contact.OutgoingChanged, presence.StatusChanged, presence.Announced, presence.LeaseChanged,
		StateChanged, DeviceAdded, talk.TextReceived, talk.TextChanged, talk.NoteExpired:
		return true
	}
	return false
}
