package wire

import (
	"encoding/binary"

	"rollcall/internal/msgpack"
)

const (
	// inlineLimit is the packed size from which on a value travels in parts.
	inlineLimit = 600
	// partSize is the length of the slices of such a value.
	partSize = 1280
)

// Put is a put of one value: a header datagram and, where the value is not
// inline, its parts in order. It is immutable and safe for concurrent use.
type Put struct {
	header Template
	parts  []part
}

type part struct {
	bytes []byte
	tid   int
	// value is the offset of the value id in this slice, 0 when it is not here.
	value int
}

// NewPut returns a put of the packed value, as Plain or Signer.Value made it, with
// the creation time created in Unix seconds.
func NewPut(token, packed []byte, created int64) *Put {
	t := begin(4)
	t.addKey("h")
	b := msgpack.AppendArray(msgpack.AppendString(t.bytes, "values"), 1)
	p := &Put{}
	if len(packed) < inlineLimit {
		t.value = len(b) + valueIDOffset
		b = append(b, packed...)
	} else {
		b = msgpack.AppendUint(b, uint64(len(packed)))
		p.parts = slices(packed)
	}
	t.bytes = msgpack.AppendInt(msgpack.AppendString(b, "c"), created)
	t.addToken(token)
	p.header = *t.end("put")
	return p
}

func slices(packed []byte) []part {
	var parts []part
	for offset := 0; offset < len(packed); offset += partSize {
		piece := packed[offset:min(offset+partSize, len(packed))]
		b := msgpack.AppendMap(nil, 3)
		b = msgpack.AppendString(msgpack.AppendString(b, "y"), "p")
		b = msgpack.AppendUint(msgpack.AppendString(b, "t"), WideTID)
		s := part{tid: len(b) - 4}
		b = msgpack.AppendMap(msgpack.AppendString(b, "p"), 1)
		b = msgpack.AppendMap(msgpack.AppendUint(b, 0), 2)
		b = msgpack.AppendUint(msgpack.AppendString(b, "o"), uint64(offset))
		b = msgpack.AppendBin(msgpack.AppendString(b, "d"), piece)
		if offset == 0 {
			s.value = len(b) - len(piece) + valueIDOffset
		}
		s.bytes = b
		parts = append(parts, s)
	}
	return parts
}

// Datagrams returns how many datagrams the put takes.
func (p *Put) Datagrams() int { return 1 + len(p.parts) }

// Append appends datagram i of the put with f to dst.
func (p *Put) Append(dst []byte, i int, f *Fields) []byte {
	if i == 0 {
		return p.header.Append(dst, f)
	}
	s := &p.parts[i-1]
	start := len(dst)
	dst = append(dst, s.bytes...)
	binary.BigEndian.PutUint32(dst[start+s.tid:], f.TID|WideTID)
	if s.value > 0 {
		binary.BigEndian.PutUint64(dst[start+s.value:], f.ValueID|WideVID)
	}
	return dst
}
