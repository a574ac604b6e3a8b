package wire

import "rollcall/internal/msgpack"

// Kind tells what a datagram is.
type Kind uint8

// The kinds, in the order in which the spec decides between them. Other is
// everything that is no message.
const (
	Other Kind = iota
	Error
	Reply
	Part
	Push
	Query
)

// Scan reads the kind and the transaction id of a datagram and nothing more: it
// is on the path of every reply under load.
func Scan(p []byte) (Kind, uint32) {
	r := msgpack.NewReader(p)
	kind, tid := Other, uint32(0)
	for n := r.Map(); n > 0; n-- {
		key := r.Str()
		if len(key) != 1 {
			r.Skip()
			continue
		}
		switch key[0] {
		case 't':
			tid = uint32(r.UintMax(1<<32 - 1))
			continue
		case 'e':
			kind = Error
		case 'r':
			kind = first(kind, Reply)
		case 'p':
			kind = first(kind, Part)
		case 'u':
			kind = first(kind, Push)
		case 'q':
			kind = first(kind, Query)
		}
		r.Skip()
	}
	if r.Err() != nil {
		return Other, 0
	}
	return kind, tid
}

// first returns the kind that decides: the one that comes first in the spec.
func first(a, b Kind) Kind {
	if a == Other || b < a {
		return b
	}
	return a
}

// Message is a parsed datagram. Its slices alias the input.
type Message struct {
	Kind   Kind
	TID    uint32
	Method string
	Sender ID
	Token  []byte
	Code   int    // of an error
	Nodes  int    // in n4
	Nodes4 []byte // n4: 26 bytes each
	Values int    // values inline
	Sizes  []int  // of values that follow in parts
	IDs    int    // values in a reply to a select
	Key    ID
	Socket uint32
}

// Datagrams returns how many datagrams the message takes with its parts.
func (m *Message) Datagrams() int {
	n := 1
	for _, size := range m.Sizes {
		n += (size + partSize - 1) / partSize
	}
	return n
}

// Parse reads a datagram in full; ok is false when it is no message.
func Parse(p []byte) (m Message, ok bool) {
	m.Kind, m.TID = Scan(p)
	if m.Kind == Other {
		return m, false
	}
	r := msgpack.NewReader(p)
	for n := r.Map(); n > 0; n-- {
		switch string(r.Str()) {
		case "q":
			m.Method = string(r.Str())
		case "a", "r":
			m.body(&r)
		case "e":
			if r.Array() == 2 {
				m.Code = int(r.Int())
				r.Skip()
			}
		default:
			r.Skip()
		}
	}
	return m, r.Err() == nil
}

func (m *Message) body(r *msgpack.Reader) {
	for n := r.Map(); n > 0; n-- {
		switch string(r.Str()) {
		case "id":
			copy(m.Sender[:], r.Blob())
		case "h", "target":
			copy(m.Key[:], r.Blob())
		case "token":
			m.Token = r.Blob()
		case "sid":
			m.Socket = uint32(r.UintMax(1<<32 - 1))
		case "n4":
			m.Nodes4 = r.Blob()
			m.Nodes = len(m.Nodes4) / 26
		case "values":
			m.values(r)
		case "fileds":
			m.fields(r)
		default:
			r.Skip()
		}
	}
}

func (m *Message) values(r *msgpack.Reader) {
	for n := r.Array(); n > 0; n-- {
		if r.Kind() == msgpack.KindMap {
			m.Values++
			r.Skip()
			continue
		}
		m.Sizes = append(m.Sizes, int(r.UintMax(1<<20)))
	}
}

func (m *Message) fields(r *msgpack.Reader) {
	for n := r.Map(); n > 0; n-- {
		if string(r.Str()) != "v" {
			r.Skip()
			continue
		}
		for k := r.Array(); k > 0; k-- {
			m.IDs++
			r.Skip()
		}
	}
}

// AppendAnswer appends the reply that makes its sender a good node in the eyes of
// whoever sent q: its id, the loopback address as that of the requester, and,
// where the requester expects them, a token and nodes as n4.
func AppendAnswer(dst []byte, q *Message, self ID, nodes []byte) []byte {
	b := msgpack.AppendMap(dst, 4)
	b = msgpack.AppendString(b, "r")
	if q.Method == "find" || q.Method == "get" {
		b = msgpack.AppendMap(b, 4)
		b = msgpack.AppendBin(msgpack.AppendString(b, "n4"), nodes)
		b = msgpack.AppendBin(msgpack.AppendString(b, "token"), self[:8])
	} else {
		b = msgpack.AppendMap(b, 2)
	}
	b = msgpack.AppendBin(msgpack.AppendString(b, "id"), self[:])
	b = msgpack.AppendBin(msgpack.AppendString(b, "sa"), []byte{127, 0, 0, 1})
	b = msgpack.AppendUint(msgpack.AppendString(b, "t"), uint64(q.TID))
	b = msgpack.AppendString(msgpack.AppendString(b, "y"), "r")
	return msgpack.AppendString(msgpack.AppendString(b, "v"), Agent)
}
