package wire

import (
	"net/netip"
	"time"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// State is what a node keeps over a restart, in the file format of OpenDHT:
//
//	{"v": 1, "id": bin 20,
//	 "nodes": [{"id": bin 20, "addr": bin sockaddr}...],
//	 "values": [[bin 20 key, bin of VALUES]...]}
//
//	VALUES = [[created, value, bin sockaddr or empty, expires]...]   times as timestamps
//	       | [[int created, value]...]                               OpenDHT 2
//
// Source: opendht spec 6.6.
type State struct {
	ID     infohash.Hash
	Nodes  []Node // good ones, the closest first
	Values []StoredValue
}

// Node is a node and where it was reached.
type Node struct {
	ID   infohash.Hash
	Addr netip.AddrPort
}

// StoredValue is one value held for the network.
type StoredValue struct {
	Key     infohash.Hash
	Packed  []byte         // not checked in any way
	Created time.Time      // zero when unknown: OpenDHT 2 writes no usable time
	Expires time.Time      // zero when unknown
	From    netip.AddrPort // who put it; the zero AddrPort when unknown
}

// stateVersion is the version of the file format.
const stateVersion = 1

// Append appends the file of s to b. Values of one key must be neighbours in
// s.Values.
func (s *State) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 4)
	b = msgpack.AppendString(b, "v")
	b = msgpack.AppendUint(b, stateVersion)
	b = msgpack.AppendString(b, "id")
	b = msgpack.AppendBin(b, s.ID[:])
	b = msgpack.AppendString(b, "nodes")
	b = appendNodes(b, s.Nodes)
	b = msgpack.AppendString(b, "values")
	b = msgpack.AppendArray(b, s.keys())
	var blob []byte
	for start := 0; start < len(s.Values); {
		end := s.runEnd(start)
		blob = appendStored(blob[:0], s.Values[start:end])
		b = msgpack.AppendArray(b, 2)
		b = msgpack.AppendBin(b, s.Values[start].Key[:])
		b = msgpack.AppendBin(b, blob)
		start = end
	}
	return b
}

// appendNodes appends nodes in the export format of OpenDHT.
func appendNodes(b []byte, nodes []Node) []byte {
	b = msgpack.AppendArray(b, len(nodes))
	for i := range nodes {
		b = msgpack.AppendMap(b, 2)
		b = msgpack.AppendString(b, "id")
		b = msgpack.AppendBin(b, nodes[i].ID[:])
		b = msgpack.AppendString(b, "addr")
		b = appendSockaddrBin(b, nodes[i].Addr)
	}
	return b
}

// keys counts the keys of s.Values.
func (s *State) keys() int {
	n := 0
	for i := 0; i < len(s.Values); i = s.runEnd(i) {
		n++
	}
	return n
}

// runEnd returns the end of the run of values under the key of value i.
func (s *State) runEnd(i int) int {
	end := i + 1
	for end < len(s.Values) && s.Values[end].Key == s.Values[i].Key {
		end++
	}
	return end
}

func appendStored(b []byte, values []StoredValue) []byte {
	b = msgpack.AppendArray(b, len(values))
	for i := range values {
		v := &values[i]
		b = msgpack.AppendArray(b, 4)
		b = appendTime(b, v.Created)
		b = append(b, v.Packed...)
		b = appendSockaddrBin(b, v.From)
		b = appendTime(b, v.Expires)
	}
	return b
}

// ParseState reads a state file. Nodes and values that are damaged or in an
// unknown form are left out, one by one. With an error, which wraps
// ErrMalformed, comes what could be read nevertheless: State is never nil. It
// aliases b.
func ParseState(b []byte) (*State, error) {
	s := new(State)
	r := msgpack.NewReader(b)
	for range r.Map() {
		switch string(r.Key()) {
		case "id":
			s.ID, _ = infohash.FromBytes(r.Blob())
		case "nodes":
			s.Nodes = readNodeList(&r)
		case "values":
			for range r.Array() {
				s.Values = append(s.Values, parseKey(r.Raw())...)
			}
		default:
			r.Skip()
		}
	}
	return s, malformed(r.Err())
}

func readNodeList(r *msgpack.Reader) []Node {
	var nodes []Node
	for range r.Array() {
		if n, ok := parseNode(r.Raw()); ok {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func parseNode(b []byte) (n Node, ok bool) {
	r := msgpack.NewReader(b)
	for range r.Map() {
		switch string(r.Key()) {
		case "id":
			n.ID, _ = infohash.FromBytes(r.Blob())
		case "addr":
			n.Addr, _ = parseSockaddr(r.Blob())
		default:
			r.Skip()
		}
	}
	return n, r.Err() == nil && !n.ID.IsZero() && n.Addr.IsValid()
}

// parseKey reads the values of one key: [bin 20, bin of VALUES].
func parseKey(b []byte) []StoredValue {
	r := msgpack.NewReader(b)
	if r.Array() < 2 {
		return nil
	}
	key, ok := infohash.FromBytes(r.Blob())
	blob := r.Blob()
	if !ok || r.Err() != nil {
		return nil
	}
	var values []StoredValue
	r = msgpack.NewReader(blob)
	for range r.Array() {
		if v, ok := parseStored(r.Raw()); ok {
			v.Key = key
			values = append(values, v)
		}
	}
	return values
}

// parseStored reads one value of either generation.
func parseStored(b []byte) (v StoredValue, ok bool) {
	r := msgpack.NewReader(b)
	n := r.Array()
	created := r.Raw()
	v.Packed = r.Raw()
	if n >= 4 {
		v.From, _ = parseSockaddr(r.Blob())
		expires := r.Raw()
		v.Created, _ = parseTime(created)
		v.Expires, _ = parseTime(expires)
	}
	return v, r.Err() == nil && n >= 2
}
