package wire

import (
	"math"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// The messages of LAN discovery, which go over UDP multicast (opendht spec 9):
//
//	query      "q"
//	announce   {"dht": [bin 20 node id, uint port, uint network], ...}
//
// Other services share the map of an announce and are passed over.

// Announce is one node that announces itself on the local network. Its address
// is that of the packet, with Port.
type Announce struct {
	ID      infohash.Hash
	Port    uint16
	Network uint32
}

// AppendDiscoveryQuery appends the message that asks for announces.
func AppendDiscoveryQuery(b []byte) []byte { return msgpack.AppendString(b, "q") }

// Append appends the announce message of a.
func (a Announce) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 1)
	b = msgpack.AppendString(b, "dht")
	b = msgpack.AppendArray(b, 3)
	b = msgpack.AppendBin(b, a.ID[:])
	b = msgpack.AppendUint(b, uint64(a.Port))
	return msgpack.AppendUint(b, uint64(a.Network))
}

// ParseDiscovery reads a discovery message: a query, or an announce, in which
// found is false when it speaks of other services only. The error wraps
// ErrMalformed.
func ParseDiscovery(b []byte) (a Announce, found, query bool, err error) {
	r := msgpack.NewReader(b)
	if r.Kind() == msgpack.KindString {
		if string(r.Str()) != "q" {
			r.Fail(msgpack.ErrType)
		}
		return a, false, r.Err() == nil, malformed(r.Err())
	}
	for range r.Map() {
		if string(r.Key()) != "dht" {
			r.Skip()
			continue
		}
		a, found = parseAnnounce(r.Raw())
		if !found {
			r.Fail(msgpack.ErrType)
		}
	}
	return a, found && r.Err() == nil, false, malformed(r.Err())
}

func parseAnnounce(b []byte) (a Announce, ok bool) {
	r := msgpack.NewReader(b)
	r.Array() // elements that are missing fail below
	id, ok := infohash.FromBytes(r.Blob())
	a = Announce{id, uint16(r.UintMax(math.MaxUint16)), uint32(r.UintMax(math.MaxUint32))}
	return a, ok && r.Err() == nil
}
