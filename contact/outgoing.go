package contact

import (
	"cmp"
	"slices"
	"time"

	"rollcall/dht/infohash"
)

// Kind tells the two messages apart that an account may have for another.
type Kind uint8

// The kinds.
const (
	Ask    Kind = iota // a trust request
	Answer             // the confirmation of one
)

func (k Kind) String() string { return [...]string{"request", "confirm"}[k] }

// State is how far an outgoing message has come.
type State uint8

// The states. A message does not fall back to an earlier one.
const (
	Queued    State = iota // on no node yet: the recipient has no known device
	Stored                 // on the network, for at least one device
	Delivered              // a device was there while its value was stored
	Done                   // confirmed, or for a confirm: there was time to get it
	Cancelled              // by the user, by removal of the contact, or too old
)

func (s State) String() string {
	return [...]string{"queued", "stored", "seen", "confirmed", "cancelled"}[s]
}

// Outgoing is a message that is to reach every device of an account.
type Outgoing struct {
	Peer           infohash.Hash
	Kind           Kind
	ConversationID string
	Payload        []byte
	Sent           int64 // when the user, or we for a confirm, decided to send it
	State          State
	Deliveries     []Delivery // ascending by device
}

// Delivery is the message's way to one device: one value, under one id, put
// again and again until it is not needed any more.
type Delivery struct {
	Device  infohash.Hash
	ValueID uint64
	Stored  bool // some node has acknowledged it

	put      time.Time // last put since the start
	due      time.Time // when to act again, zero = when the device appears
	failures int       // puts since the last one that succeeded
}

// Ref names one delivery.
type Ref struct {
	Peer    infohash.Hash
	Kind    Kind
	Device  infohash.Hash
	ValueID uint64
}

type messageKey struct {
	peer infohash.Hash
	kind Kind
}

func (k messageKey) compare(o messageKey) int {
	return cmp.Or(k.peer.Compare(o.peer), cmp.Compare(k.kind, o.kind))
}

func (o *Outgoing) key() messageKey { return messageKey{o.Peer, o.Kind} }

// message returns what recipients are to read.
func (o *Outgoing) message() Message {
	m := Message{ConversationID: o.ConversationID, Payload: o.Payload, Confirm: o.Kind == Answer}
	if o.Kind == Ask {
		m.Invited = o.Sent
	}
	return m
}

// ref names the delivery at place i.
func (o *Outgoing) ref(i int) Ref {
	return Ref{o.Peer, o.Kind, o.Deliveries[i].Device, o.Deliveries[i].ValueID}
}

// copy returns a copy that shares only the payload.
func (o *Outgoing) copy() Outgoing {
	c := *o
	c.Deliveries = slices.Clone(o.Deliveries)
	return c
}

// find returns the place of a device among the deliveries.
func (o *Outgoing) find(device infohash.Hash) (i int, found bool) {
	return slices.BinarySearchFunc(o.Deliveries, device, func(d Delivery, dev infohash.Hash) int {
		return d.Device.Compare(dev)
	})
}

// expired reports whether the message is no longer kept alive for somebody who
// does not show up.
func (o *Outgoing) expired(now time.Time) bool {
	life := requestLife
	if o.Kind == Answer {
		life = confirmLife
	}
	return now.UnixMilli()-o.Sent > life.Milliseconds()
}
