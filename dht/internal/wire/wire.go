// Package wire reads and writes what OpenDHT nodes exchange: the datagrams of
// the protocol, the messages of LAN discovery, and the state file in which a
// node keeps its neighbours over a restart.
//
// A datagram is one MessagePack map:
//
//	key  type   meaning
//	a    map    arguments of a request
//	r    map    body of a reply; of an error, only the sender's id
//	u    map    body of a push to a listener of version 0
//	e    array  error: code, text
//	p    map    parts of values: index -> {"o": offset, "d": bytes}
//	q    str    method of a request
//	t    uint   transaction id, 32 bits
//	y    str    q, r, e or p
//	v    str    agent, informational
//	n    uint   network id, 32 bits, absent when 0
//	s    bool   the sender is a client: it serves no requests
//
// Keys come in any order, unknown ones are passed over, bytes after the map are
// ignored; a known key of a wrong type makes the whole datagram void.
//
// Source: opendht spec sections 2, 3, 6.6 and 9.
package wire

import (
	"errors"
	"iter"
	"net/netip"

	"rollcall/dht/infohash"
)

// ErrMalformed reports bytes that are not what was to be parsed. Datagrams with
// it are dropped without an answer.
var ErrMalformed = errors.New("wire: malformed")

// Kind tells what a datagram is.
type Kind uint8

// The kinds of datagrams. The zero Kind is none of them.
const (
	Request Kind = iota + 1
	Reply
	Error
	Push // to a listener of version 0: refreshed or expired ids; TID is its socket id
	Part // bytes of values whose sizes an earlier message announced
)

// Method is what a request asks for.
type Method uint8

// The methods. The zero Method is none of them.
const (
	Ping Method = iota + 1
	Find
	Get
	Put
	Refresh
	Listen
	Update
)

// Message is one datagram, as a flat struct that is meant to be reused. Which
// fields count depends on Kind and Method; the others are zero after Parse and
// ignored by Append. A zero field is an absent key unless stated otherwise.
//
// Byte slices of a parsed Message alias the parsed bytes; the other slices, and
// those of a copy, are only good until the next Parse.
type Message struct {
	Kind    Kind
	Method  Method        // of a request
	TID     uint32        // of the request in all that answers it; always written
	Network uint32        // messages of other networks are to be dropped
	Client  bool          // the sender serves no requests
	ID      infohash.Hash // the sender's node id; never zero after Parse, but in a Part
	Key     infohash.Hash // what find looks for, or the key of the values

	Want    Want    // find, get
	Query   []byte  // get, listen: packed query, to be read by package value
	SID     uint32  // listen, update: socket id of the listener
	Version int32   // listen, update: what the listener understands; see ListenVersion
	Token   []byte  // at most MaxToken bytes: a longer one counts as absent
	Values  []Value // put, update, reply to get
	Fields  []byte  // reply to get: packed field index, instead of values
	VID     uint64  // refresh, replies to put and refresh: value id

	Created    int64 // put: Unix seconds
	HasCreated bool  // without it, the value was created now

	Nodes4 []byte     // replies: 26 bytes each, see Nodes
	Nodes6 []byte     // replies: 38 bytes each
	Addr   netip.Addr // replies: as which the sender sees the receiver

	Refreshed []uint64 // update, push: ids of values that live on
	Expired   []uint64 // update, push: ids of values that are gone

	Code uint16 // error: see the Code constants
	Text []byte // error: for logs only

	Parts []Slice // part

	blobs []byte // byte strings that came as arrays of numbers
}

// Value is one element of a value list: packed bytes, or the announcement of
// some that follow in parts.
type Value struct {
	Raw  []byte // not checked in any way; nil when announced
	Size int    // of the packed value, when Raw is nil
}

// Slice is a piece of one announced value.
type Slice struct {
	Index  int // position of the value in the list of the message
	Offset int // of Data within the packed value
	Data   []byte
}

// Split reports whether values of the message follow in parts.
func (m *Message) Split() bool {
	for i := range m.Values {
		if m.Values[i].Raw == nil {
			return true
		}
	}
	return false
}

// Nodes yields the nodes that a reply names, IPv4 first, at most MaxNodes of
// each family. Addresses are as sent: they may be unusable.
func (m *Message) Nodes() iter.Seq2[infohash.Hash, netip.AddrPort] {
	return func(yield func(infohash.Hash, netip.AddrPort) bool) {
		_ = eachNode(m.Nodes4, nodeSize4, yield) && eachNode(m.Nodes6, nodeSize6, yield)
	}
}

// Want is the set of address families that a request asks nodes of. The zero
// Want leaves the choice to the answering node.
type Want uint8

// The elements of a Want.
const (
	WantIPv4 Want = 1 << iota
	WantIPv6
	WantGiven // set in every Want that is not the zero one; alone, it asks for no nodes
)

// Families resolves w for a request that came from the given address: without
// a wish, the family of the request.
func (w Want) Families(from netip.Addr) (ip4, ip6 bool) {
	if w&WantGiven == 0 {
		ip4 = from.Unmap().Is4()
		return ip4, !ip4
	}
	return w&WantIPv4 != 0, w&WantIPv6 != 0
}
