package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// What makes a datagram void. The errors are made once, so that a flood of
// nonsense costs no allocations.
var (
	errTruncated   = fmt.Errorf("%w: %w", ErrMalformed, msgpack.ErrTruncated)
	errType        = fmt.Errorf("%w: %w", ErrMalformed, msgpack.ErrType)
	errDepth       = fmt.Errorf("%w: %w", ErrMalformed, msgpack.ErrDepth)
	errNoKind      = fmt.Errorf("%w: neither request, reply, error, push nor part", ErrMalformed)
	errNoMethod    = fmt.Errorf("%w: request of an unknown method", ErrMalformed)
	errNoBody      = fmt.Errorf("%w: no body", ErrMalformed)
	errNoID        = fmt.Errorf("%w: no sender id", ErrMalformed)
	errHashLength  = fmt.Errorf("%w: a hash must have 20 bytes", ErrMalformed)
	errNodesLength = fmt.Errorf("%w: nodes of a wrong length", ErrMalformed)
)

// Parse sets m to the datagram b, whose bytes m aliases until they are
// overwritten. It reuses the slices of m and does not allocate once they have
// grown. After an error, which wraps ErrMalformed, m is unspecified.
func (m *Message) Parse(b []byte) error {
	m.reset()
	r := msgpack.NewReader(b)
	e := m.readEnvelope(&r)
	if r.Err() != nil {
		return malformed(r.Err())
	}
	var body []byte
	switch {
	case e.failure != nil:
		m.Kind, body = Error, e.reply
		if err := m.parseFailure(e.failure); err != nil {
			return err
		}
	case e.reply != nil:
		m.Kind, body = Reply, e.reply
	case e.parts != nil:
		m.Kind = Part
		return m.parseParts(e.parts)
	case e.push != nil:
		m.Kind, body = Push, e.push
	case e.other:
		return errNoKind
	default:
		m.Kind, m.Method, body = Request, parseMethod(e.method), e.args
		if m.Method == 0 {
			return errNoMethod
		}
	}
	if body == nil {
		return errNoBody
	}
	return m.parseBody(body)
}

// reset empties m but keeps the memory of its slices.
func (m *Message) reset() {
	values, parts := m.Values[:0], m.Parts[:0]
	refreshed, expired, blobs := m.Refreshed[:0], m.Expired[:0], m.blobs[:0]
	*m = Message{}
	m.Values, m.Parts = values, parts
	m.Refreshed, m.Expired, m.blobs = refreshed, expired, blobs
}

// envelope is what stands at the top level and means nothing before the kind of
// the datagram is known: keys may come in any order.
type envelope struct {
	args, reply, push, parts, failure []byte // packed; nil when absent
	method                            []byte
	other                             bool // y says that this is no request
}

func (m *Message) readEnvelope(r *msgpack.Reader) (e envelope) {
	for range r.Map() {
		key := r.Key()
		if len(key) != 1 {
			r.Skip()
			continue
		}
		switch key[0] {
		case 'a':
			e.args = r.Raw()
		case 'r':
			e.reply = r.Raw()
		case 'u':
			e.push = r.Raw()
		case 'p':
			e.parts = r.Raw()
		case 'e':
			e.failure = r.Raw()
		case 'q':
			e.method = r.Str()
		case 'y':
			e.other = string(r.Str()) != "q"
		case 't':
			m.TID = readID32(r)
		case 'n':
			m.Network = uint32(r.UintMax(math.MaxUint32))
		case 's':
			m.Client = r.Bool()
		case 'v':
			r.Str() // only its type matters
		default:
			r.Skip()
		}
	}
	return e
}

func parseMethod(name []byte) Method {
	for method := Ping; method <= Update; method++ {
		if methodNames[method] == string(name) {
			return method
		}
	}
	return 0
}

// parseBody reads the arguments of a request or the body of a reply, an error
// or a push.
func (m *Message) parseBody(b []byte) error {
	r := msgpack.NewReader(b)
	for range r.Map() {
		m.readField(&r, r.Key())
	}
	if r.Err() != nil {
		return malformed(r.Err())
	}
	if m.ID.IsZero() {
		return errNoID
	}
	return nil
}

func (m *Message) readField(r *msgpack.Reader, key []byte) {
	switch string(key) {
	case "id":
		m.ID = m.readHash(r)
	case "h":
		if h := m.readHash(r); m.Method != Find {
			m.Key = h
		}
	case "target":
		if h := m.readHash(r); m.Method == Find {
			m.Key = h
		}
	case "sa":
		m.Addr = readAddr(m.readBlob(r))
	case "n4":
		m.Nodes4 = m.readNodes(r, nodeSize4)
	case "n6":
		m.Nodes6 = m.readNodes(r, nodeSize6)
	case "token":
		if m.Token = m.readBlob(r); len(m.Token) > MaxToken {
			m.Token = nil
		}
	case "values":
		m.readValues(r)
	case "fileds":
		m.Fields = readRaw(r, msgpack.KindMap)
	case "q":
		m.Query = readRaw(r, msgpack.KindMap)
	case "w":
		m.Want = readWant(r)
	case "ve":
		m.Version = readInt32(r)
	case "sid":
		m.SID = readID32(r)
	case "vid":
		m.VID = r.Uint()
	case "c":
		m.Created, m.HasCreated = r.Int(), true
	case "re":
		m.Refreshed = readIDs(r, m.Refreshed)
	case "exp":
		m.Expired = readIDs(r, m.Expired)
	default:
		r.Skip()
	}
}

func (m *Message) parseFailure(b []byte) error {
	r := msgpack.NewReader(b)
	if r.Array() < 2 {
		r.Fail(msgpack.ErrType)
	}
	m.Code = uint16(r.UintMax(math.MaxUint16))
	m.Text = m.readBlob(&r)
	return malformed(r.Err())
}

func (m *Message) parseParts(b []byte) error {
	r := msgpack.NewReader(b)
	for range r.Map() {
		if r.Kind() != msgpack.KindInt {
			r.Skip()
			r.Skip()
			continue
		}
		s := Slice{Index: int(r.UintMax(math.MaxInt32)), Offset: -1}
		for range r.Map() {
			switch string(r.Key()) {
			case "o":
				s.Offset = int(r.UintMax(math.MaxInt32))
			case "d":
				s.Data = m.readBlob(&r)
			default:
				r.Skip()
			}
		}
		if s.Offset >= 0 && len(s.Data) > 0 {
			m.Parts = append(m.Parts, s)
		}
	}
	return malformed(r.Err())
}

func (m *Message) readValues(r *msgpack.Reader) {
	m.Values = m.Values[:0]
	for range r.Array() {
		if r.Kind() == msgpack.KindInt {
			m.Values = append(m.Values, Value{Size: int(min(r.Uint(), math.MaxInt32))})
		} else {
			m.Values = append(m.Values, Value{Raw: r.Raw()})
		}
	}
}

func (m *Message) readNodes(r *msgpack.Reader, size int) []byte {
	b := m.readBlob(r)
	if len(b)%size != 0 {
		r.Fail(errNodesLength)
	}
	return b
}

func (m *Message) readHash(r *msgpack.Reader) infohash.Hash {
	h, ok := infohash.FromBytes(m.readBlob(r))
	if !ok {
		r.Fail(errHashLength)
	}
	return h
}

// readBlob reads bytes in any form that peers accept: bin, str, or an array of
// numbers, which becomes bytes in m.blobs.
func (m *Message) readBlob(r *msgpack.Reader) []byte {
	if r.Kind() != msgpack.KindArray {
		return r.Blob()
	}
	start := len(m.blobs)
	for range r.Array() {
		m.blobs = append(m.blobs, byte(r.UintMax(math.MaxUint8)))
	}
	return m.blobs[start:len(m.blobs):len(m.blobs)]
}

// readID32 reads a transaction or socket id: a number, or four bytes in network
// order as older programs write it.
func readID32(r *msgpack.Reader) uint32 {
	if r.Kind() == msgpack.KindInt {
		return uint32(r.UintMax(math.MaxUint32))
	}
	b := r.Blob()
	if len(b) != 4 {
		r.Fail(msgpack.ErrType)
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func readInt32(r *msgpack.Reader) int32 {
	v := r.Int()
	if v != int64(int32(v)) {
		r.Fail(msgpack.ErrType)
	}
	return int32(v)
}

func readWant(r *msgpack.Reader) Want {
	w := WantGiven
	for range r.Array() {
		switch r.Uint() {
		case familyIPv4:
			w |= WantIPv4
		case familyIPv6:
			w |= WantIPv6
		}
	}
	return w
}

func readIDs(r *msgpack.Reader, ids []uint64) []uint64 {
	ids = ids[:0]
	for range r.Array() {
		ids = append(ids, r.Uint())
	}
	return ids
}

// readAddr reads an address of 4 or 16 bytes; other lengths give the zero Addr.
func readAddr(b []byte) netip.Addr {
	ip, _ := netip.AddrFromSlice(b)
	return ip.Unmap()
}

// readRaw passes over an object of the given kind and returns its bytes.
func readRaw(r *msgpack.Reader, kind msgpack.Kind) []byte {
	if r.Kind() != kind {
		r.Fail(msgpack.ErrType)
	}
	return r.Raw()
}

// malformed turns the error of a Reader into one of this package.
func malformed(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrMalformed):
		return err
	case errors.Is(err, msgpack.ErrTruncated):
		return errTruncated
	case errors.Is(err, msgpack.ErrDepth):
		return errDepth
	default:
		return errType
	}
}

// eachNode passes up to MaxNodes compact nodes of size bytes each to yield, and
// reports whether yield wants more.
func eachNode(b []byte, size int, yield func(infohash.Hash, netip.AddrPort) bool) bool {
	for n := 0; n < MaxNodes && len(b) >= size; n++ {
		ip, _ := netip.AddrFromSlice(b[infohash.Size : size-2])
		addr := netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[size-2:]))
		if !yield(infohash.Hash(b), addr) {
			return false
		}
		b = b[size:]
	}
	return true
}
