// Package wire is the load generator's own view of the OpenDHT wire format:
// requests as byte templates that are patched and sent, and a scan of what comes
// back. It shares no code with the node under test but the MessagePack
// primitives.
//
// Source: opendht spec sections 2, 3 and 4.
package wire

import (
	"encoding/binary"

	"rollcall/internal/msgpack"
)

// IDSize is the length of node ids and keys in bytes.
const IDSize = 20

// ID is a node id or a key.
type ID [IDSize]byte

// A template holds its variable integers in their widest form, so that they are
// patched in place. The numbers have these bits set, which makes the widest form
// the minimal one too, as every peer writes it.
const (
	// WideTID is set in every transaction id and socket id of the generator.
	WideTID = 1 << 30
	// WideVID is set in every value id of the generator.
	WideVID = 1 << 62
)

// Agent is what the generator writes as its version.
const Agent = "RNG1"

// Fields are the variable parts of a request. A template ignores those that
// its kind does not carry.
type Fields struct {
	TID     uint32 // WideTID is added
	Key     ID     // h or target
	ValueID uint64 // WideVID is added
	Socket  uint32 // sid; WideTID is added
	Node    ID     // id of the sender
}

// Template is a request whose variable parts are patched for each datagram. It
// is immutable and safe for concurrent use.
type Template struct {
	bytes  []byte
	tid    int
	key    int
	value  int
	socket int
	node   int
}

// Append appends the request with f to dst.
func (t *Template) Append(dst []byte, f *Fields) []byte {
	start := len(dst)
	dst = append(dst, t.bytes...)
	b := dst[start:]
	binary.BigEndian.PutUint32(b[t.tid:], f.TID|WideTID)
	copy(b[t.node:], f.Node[:])
	if t.key > 0 {
		copy(b[t.key:], f.Key[:])
	}
	if t.value > 0 {
		binary.BigEndian.PutUint64(b[t.value:], f.ValueID|WideVID)
	}
	if t.socket > 0 {
		binary.BigEndian.PutUint32(b[t.socket:], f.Socket|WideTID)
	}
	return dst
}

// Size returns the length of the request in bytes.
func (t *Template) Size() int { return len(t.bytes) }

// begin opens the message and its arguments, of which the first is the id.
func begin(args int) *Template {
	t := &Template{}
	b := msgpack.AppendMap(nil, 5)
	b = msgpack.AppendString(b, "a")
	b = msgpack.AppendMap(b, 1+args)
	b = msgpack.AppendString(b, "id")
	t.bytes, t.node = appendHash(b)
	return t
}

// end closes the arguments with the method and the frame.
func (t *Template) end(method string) *Template {
	b := msgpack.AppendString(t.bytes, "q")
	b = msgpack.AppendString(b, method)
	b = msgpack.AppendString(b, "t")
	b = msgpack.AppendUint(b, WideTID)
	t.tid = len(b) - 4
	b = msgpack.AppendString(b, "y")
	b = msgpack.AppendString(b, "q")
	b = msgpack.AppendString(b, "v")
	t.bytes = msgpack.AppendString(b, Agent)
	return t
}

func appendHash(b []byte) ([]byte, int) {
	b = msgpack.AppendBin(b, make([]byte, IDSize))
	return b, len(b) - IDSize
}

func (t *Template) addKey(name string) {
	t.bytes, t.key = appendHash(msgpack.AppendString(t.bytes, name))
}

func (t *Template) addToken(token []byte) {
	t.bytes = msgpack.AppendBin(msgpack.AppendString(t.bytes, "token"), token)
}

// Ping returns a ping.
func Ping() *Template { return begin(0).end("ping") }

// Find returns a find of Fields.Key.
func Find() *Template {
	t := begin(1)
	t.addKey("target")
	return t.end("find")
}

// FindAsClient returns a find whose sender no node takes into its table.
func FindAsClient() *Template {
	t := Find()
	t.bytes[0]++ // one more pair at the top
	t.bytes = msgpack.AppendBool(msgpack.AppendString(t.bytes, "s"), true)
	return t
}

// Get returns a get of every value at Fields.Key.
func Get() *Template {
	t := begin(1)
	t.addKey("h")
	return t.end("get")
}

// GetIDs returns a get of the value ids at Fields.Key: a select of field 1.
func GetIDs() *Template {
	t := begin(2)
	t.addKey("h")
	b := msgpack.AppendMap(msgpack.AppendString(t.bytes, "q"), 2)
	b = msgpack.AppendArray(msgpack.AppendString(b, "s"), 1)
	b = msgpack.AppendUint(b, 1)
	t.bytes = msgpack.AppendArray(msgpack.AppendString(b, "w"), 0)
	return t.end("get")
}

// Refresh returns a refresh of Fields.ValueID at Fields.Key.
func Refresh(token []byte) *Template {
	t := begin(3)
	t.addKey("h")
	t.bytes = msgpack.AppendUint(msgpack.AppendString(t.bytes, "vid"), WideVID)
	t.value = len(t.bytes) - 8
	t.addToken(token)
	return t.end("refresh")
}

// Listen returns a listen of version 1 at Fields.Key with Fields.Socket.
func Listen(token []byte) *Template {
	t := begin(4)
	t.addKey("h")
	t.bytes = msgpack.AppendUint(msgpack.AppendString(t.bytes, "ve"), 1)
	t.addToken(token)
	t.bytes = msgpack.AppendUint(msgpack.AppendString(t.bytes, "sid"), WideTID)
	t.socket = len(t.bytes) - 4
	return t.end("listen")
}
