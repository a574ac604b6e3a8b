// Package message writes and reads the records of msg: channels: msgpack maps
// that follow each other without framing (peer spec 7).
//
//	{"id": uint64, "t": str, "c": str, "req": nil or anything}
package message

import (
	"encoding/binary"
	"errors"

	"rollcall/internal/msgpack"
)

// MaxRecord is the longest record in bytes that a Decoder takes. Notes and texts
// are much shorter, files do not come this way.
const MaxRecord = 64 << 10

var (
	// ErrTooLong reports a record of more than MaxRecord bytes.
	ErrTooLong = errors.New("message: record too long")
	// ErrFormat reports bytes that are no msgpack.
	ErrFormat = errors.New("message: malformed record")
)

// Record is one message.
type Record struct {
	// ID is chosen by the sender, from 1 to 2^53, and equal in all copies of a
	// message. Peers before 2025 sent none: 0.
	ID uint64
	// Type is the MIME type of Content.
	Type string
	// Content is the message.
	Content string
}

// Append appends r in the form of the peers.
func (r Record) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 4)
	b = msgpack.AppendString(b, "id")
	b = msgpack.AppendUint(b, r.ID)
	b = msgpack.AppendString(b, "t")
	b = msgpack.AppendString(b, r.Type)
	b = msgpack.AppendString(b, "c")
	b = msgpack.AppendString(b, r.Content)
	b = msgpack.AppendString(b, "req")
	return msgpack.AppendNil(b)
}

// parse reads one whole object and reports whether it is a record.
func parse(b []byte) (Record, bool) {
	r := msgpack.NewReader(b)
	var record Record
	for range r.Map() {
		switch string(r.Key()) {
		case "id":
			record.ID = r.Uint()
		case "t":
			record.Type = string(r.Str())
		case "c":
			record.Content = string(r.Str())
		default:
			r.Skip()
		}
	}
	return record, r.Err() == nil
}

// Decoder takes the bytes of a msg: channel as they come. The zero Decoder is
// ready. It is not safe for concurrent use, and holds at most MaxRecord bytes
// and what Feed was given last.
type Decoder struct {
	buf     []byte // from the start of the record that is being received
	scanned int    // bytes of it that were looked at
	missing uint64 // objects that must follow these
	err     error
}

// Feed adds bytes of the stream. p is not retained. Take the records out by Next
// before feeding more.
func (d *Decoder) Feed(p []byte) {
	if d.err == nil {
		d.buf = append(d.buf, p...)
	}
}

// Next returns the next record, and false if more bytes are needed. Objects that
// are no records are passed over. An error is final: the boundaries of the
// records are lost, and the channel is best closed.
func (d *Decoder) Next() (Record, bool, error) {
	for {
		size, err := d.scan()
		if err != nil {
			d.buf, d.err = nil, err
			return Record{}, false, err
		}
		if size == 0 {
			return Record{}, false, nil
		}
		record, ok := parse(d.buf[:size])
		d.buf = d.buf[size:]
		if len(d.buf) == 0 {
			d.buf = nil // a long one leaves no memory behind
		}
		if ok {
			return record, true, nil
		}
	}
}

// scan looks for the end of the object at the start of buf, from where it
// stopped the last time, and returns its size, 0 as long as it is not whole.
func (d *Decoder) scan() (size int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.scanned == 0 {
		d.missing = 1
	}
	for d.missing > 0 {
		n, children, ok := object(d.buf[d.scanned:])
		switch {
		case !ok:
			return 0, ErrFormat
		case n == 0 && len(d.buf) > MaxRecord:
			return 0, ErrTooLong
		case n == 0:
			return 0, nil
		}
		d.scanned += n
		d.missing += children - 1
		// Each object takes a byte at least.
		if uint64(d.scanned)+d.missing > MaxRecord {
			return 0, ErrTooLong
		}
	}
	size, d.scanned = d.scanned, 0
	return size, nil
}

// object returns the size of the object at the start of b, and how many objects
// follow inside of it if it is a container, whose header alone counts. The size
// is 0 if b ends too early.
func object(b []byte) (size int, children uint64, ok bool) {
	if len(b) == 0 {
		return 0, 0, true
	}
	c, perPair := b[0], uint64(1)
	switch {
	case c>>4 == 0x8:
		return 1, 2 * uint64(c&0x0f), true
	case c>>4 == 0x9:
		return 1, uint64(c & 0x0f), true
	case c == 0xdc || c == 0xde:
		size = 3
	case c == 0xdd || c == 0xdf:
		size = 5
	default:
		r := msgpack.NewReader(b)
		r.Skip()
		if err := r.Err(); err != nil {
			return 0, 0, errors.Is(err, msgpack.ErrTruncated)
		}
		return len(b) - len(r.Rest()), 0, true
	}
	if len(b) < size {
		return 0, 0, true
	}
	if c >= 0xde {
		perPair = 2
	}
	if size == 3 {
		return size, perPair * uint64(binary.BigEndian.Uint16(b[1:])), true
	}
	return size, perPair * uint64(binary.BigEndian.Uint32(b[1:])), true
}
