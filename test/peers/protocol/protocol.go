// Package protocol is what a test and a peer that it drives say to each other:
// JSON objects, one a line, requests on the peer's standard input, replies and
// events on its standard output. A peer is started as
//
//	PROGRAM PORT NETWORK IDENTITY BOOTSTRAP
//
// with "" for no identity or bootstrap node, and says "ready" first. It ends
// when its input does.
package protocol

import (
	"encoding/hex"

	"rollcall/dht/infohash"
)

// Request is a request. A peer answers each with one Reply of the same tag, in
// any order.
type Request struct {
	Tag uint64 `json:"tag"`
	Op  string `json:"op"` // one of the constants Op…

	Key       infohash.Hash `json:"key"`
	Value     *Value        `json:"value,omitempty"`
	Kind      string        `json:"kind,omitempty"` // of a put: one of the constants Put…
	To        infohash.Hash `json:"to"`             // key id of the recipient
	Permanent bool          `json:"permanent"`      // keep it there
	Age       int64         `json:"age,omitempty"`  // seconds since the value's creation, plain puts only
	Query     string        `json:"query"`          // "SELECT id,seq WHERE id=5", or of it only "WHERE …"
	Listen    uint64        `json:"listen"`         // tag of the listen that is cancelled
	Host      string        `json:"host"`
	Port      string        `json:"port"`
}

// The requests.
const (
	OpPut          = "put"           // key, value, kind, to, permanent, age → values: the one that was put
	OpGet          = "get"           // key, query → values
	OpQuery        = "query"         // key, query → values, of which only the selected fields count
	OpListen       = "listen"        // key, query; events until
	OpCancelListen = "cancel-listen" // key, listen
	OpCertificate  = "certificate"   // key → found
	OpPing         = "ping"          // host, port
	OpStats        = "stats"         // → stats
)

// The kinds of a put.
const (
	PutPlain     = "plain"
	PutSigned    = "signed"
	PutEncrypted = "encrypted"
)

// Reply answers a request, or is an event.
type Reply struct {
	Tag    uint64  `json:"tag"`
	Event  string  `json:"event,omitempty"` // one of the constants Event…, "" for an answer
	Error  string  `json:"error,omitempty"` // why the request failed
	Values []Value `json:"values,omitempty"`
	Found  bool    `json:"found,omitempty"`
	Stats
}

// The events. Those of a listen have its tag.
const (
	EventReady   = "ready" // stats
	EventValues  = "values"
	EventExpired = "expired"
)

// Value is a value of the network.
type Value struct {
	ID        uint64        `json:"id"`
	Type      uint16        `json:"type"`
	UserType  string        `json:"utype"`
	Data      HexBytes      `json:"data"`
	Seq       uint16        `json:"seq"`
	Owner     infohash.Hash `json:"owner,omitzero"` // key id of the signer
	To        infohash.Hash `json:"to,omitzero"`    // key id of the recipient
	Signed    bool          `json:"signed"`
	Encrypted bool          `json:"encrypted"` // and could not be decrypted
}

// Stats is what a peer knows of itself and the network.
type Stats struct {
	Node      infohash.Hash `json:"node,omitzero"`
	ID        infohash.Hash `json:"id,omitzero"` // key id of the identity
	Port      uint16        `json:"port,omitempty"`
	Connected bool          `json:"connected,omitempty"`
	Good4     int           `json:"good4,omitempty"` // IPv4 nodes that answer
	Good6     int           `json:"good6,omitempty"`
	Stored    int           `json:"stored,omitempty"` // values held
}

// HexBytes is written as hex digits.
type HexBytes []byte

// MarshalText implements [encoding.TextMarshaler].
func (b HexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *HexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.AppendDecode(nil, text)
	return err
}
