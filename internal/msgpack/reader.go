package msgpack

import (
	"errors"
	"fmt"
	"math"
)

// maxDepth bounds the nesting of containers that Skip and Raw walk through.
const maxDepth = 16

var (
	// ErrTruncated reports input that ends inside an object, or announces
	// more elements than the remaining bytes can hold.
	ErrTruncated = errors.New("msgpack: truncated input")
	// ErrType reports an object of another type than the one asked for.
	ErrType = errors.New("msgpack: unexpected type")
	// ErrDepth reports containers nested deeper than maxDepth.
	ErrDepth = errors.New("msgpack: nested too deep")
)

// What a Reader reports is made once: hostile input must not cost allocations.
var (
	errInvalid  = fmt.Errorf("%w: invalid first byte", ErrType)
	errNegative = fmt.Errorf("%w: negative number", ErrType)
	errRange    = fmt.Errorf("%w: number out of range", ErrType)
	errWant     = [...]error{
		KindMap:    fmt.Errorf("%w: want map", ErrType),
		KindArray:  fmt.Errorf("%w: want array", ErrType),
		KindInt:    fmt.Errorf("%w: want integer", ErrType),
		KindString: fmt.Errorf("%w: want str", ErrType),
		KindBin:    fmt.Errorf("%w: want bin", ErrType),
		KindBool:   fmt.Errorf("%w: want bool", ErrType),
	}
	errWantBlob = fmt.Errorf("%w: want bin, str or array of bytes", ErrType)
)

// Kind is the type of the next object.
type Kind uint8

// The kinds that a Reader tells apart. KindOther is everything peers never
// send in a known place: floats, extensions.
const (
	KindEnd Kind = iota // no bytes remain
	KindMap
	KindArray
	KindInt // of either sign
	KindString
	KindBin
	KindBool
	KindNil
	KindOther
)

// Reader is a cursor over one byte slice. Its methods return zero values after
// the first error, which Err reports: a decoder reads everything and checks
// once. Slices that it returns alias the input. The zero Reader is an empty
// input. A Reader may be copied to remember a position.
type Reader struct {
	b   []byte
	err error
}

// NewReader returns a Reader over b, which it does not copy.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Err returns the first error met, or nil.
func (r *Reader) Err() error { return r.err }

// Rest returns the bytes not read yet.
func (r *Reader) Rest() []byte { return r.b }

// Fail makes r report err from now on, unless it already failed.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
		r.b = nil
	}
}

// mismatch fails because the next object is not of the wanted kind.
func (r *Reader) mismatch(err error) {
	if len(r.b) == 0 {
		err = ErrTruncated
	}
	r.Fail(err)
}

// Kind tells the type of the next object without consuming it.
func (r *Reader) Kind() Kind {
	if len(r.b) == 0 {
		return KindEnd
	}
	return leads[r.b[0]].kind
}

// Key reads the key of a pair in a map: the bytes of a str, which alias the
// input. A key of any other type is passed over and gives nil.
func (r *Reader) Key() []byte {
	if r.Kind() == KindString {
		return r.Str()
	}
	r.Skip()
	return nil
}

// Map reads the header of a map and returns its number of pairs.
func (r *Reader) Map() int { return r.count(KindMap) }

// Array reads the header of an array and returns its number of elements.
func (r *Reader) Array() int { return r.count(KindArray) }

// count reads the header of a container, whose objects take at least a byte each.
func (r *Reader) count(kind Kind) int {
	if r.Kind() != kind {
		r.mismatch(errWant[kind])
		return 0
	}
	l := &leads[r.b[0]]
	n, size := l.number(r.b)
	if size == 0 || n*uint64(l.follow) > uint64(len(r.b)-size) {
		r.Fail(ErrTruncated)
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

// Uint reads a non-negative integer of either family.
func (r *Reader) Uint() uint64 {
	n, negative := r.integer()
	if negative {
		r.Fail(errNegative)
		return 0
	}
	return n
}

// UintMax reads a non-negative integer of at most max.
func (r *Reader) UintMax(max uint64) uint64 {
	v := r.Uint()
	if v > max {
		r.Fail(errRange)
		return 0
	}
	return v
}

// Int reads an integer of either family that fits an int64.
func (r *Reader) Int() int64 {
	n, negative := r.integer()
	if !negative && n > math.MaxInt64 {
		r.Fail(errRange)
		return 0
	}
	return int64(n)
}

// integer reads an integer of either family, as the 64 bits of an int64 when it
// is negative.
func (r *Reader) integer() (n uint64, negative bool) {
	if r.Kind() != KindInt {
		r.mismatch(errWant[KindInt])
		return 0, false
	}
	c := r.b[0]
	n, size := leads[c].number(r.b)
	if size == 0 {
		r.Fail(ErrTruncated)
		return 0, false
	}
	r.b = r.b[size:]
	switch {
	case c >= 0xe0, c == 0xd0:
		n = uint64(int8(n))
	case c == 0xd1:
		n = uint64(int16(n))
	case c == 0xd2:
		n = uint64(int32(n))
	case c != 0xd3:
		return n, false
	}
	return n, int64(n) < 0
}

// Bool reads a boolean.
func (r *Reader) Bool() bool {
	if r.Kind() != KindBool {
		r.mismatch(errWant[KindBool])
		return false
	}
	v := leads[r.b[0]].fix == 1
	r.b = r.b[1:]
	return v
}

// Str reads a str and returns its bytes, which alias the input.
func (r *Reader) Str() []byte {
	// Half of a message are short strings: its keys.
	if b := r.b; len(b) > 0 && b[0]>>5 == fixstr>>5 {
		if end := 1 + int(b[0]&^fixstr); end <= len(b) {
			r.b = b[end:]
			return b[1:end:end]
		}
	}
	return r.payload(KindString)
}

// Bin reads a bin and returns its bytes, which alias the input.
func (r *Reader) Bin() []byte { return r.payload(KindBin) }

// payload reads a str or bin.
func (r *Reader) payload(kind Kind) []byte {
	if r.Kind() != kind {
		r.mismatch(errWant[kind])
		return nil
	}
	n, size := leads[r.b[0]].number(r.b)
	if size == 0 || n > uint64(len(r.b)-size) {
		r.Fail(ErrTruncated)
		return nil
	}
	end := size + int(n)
	p := r.b[size:end:end]
	r.b = r.b[end:]
	return p
}

// Blob reads bytes in any form that OpenDHT accepts for them: bin, str, or an
// array of integers below 256. The result aliases the input but in the last
// case.
func (r *Reader) Blob() []byte {
	switch r.Kind() {
	case KindBin, KindString:
		return r.payload(r.Kind())
	case KindArray:
		n := r.Array()
		out := make([]byte, 0, n)
		for range n {
			out = append(out, byte(r.UintMax(math.MaxUint8)))
		}
		if r.err != nil {
			return nil
		}
		return out
	default:
		r.mismatch(errWantBlob)
		return nil
	}
}

// Skip passes over one object of any type.
func (r *Reader) Skip() { r.Raw() }

// Raw passes over one object and returns its bytes, which alias the input.
func (r *Reader) Raw() []byte {
	if r.err != nil {
		return nil
	}
	end, err := extent(r.b)
	if err != nil {
		r.Fail(err)
		return nil
	}
	raw := r.b[:end:end]
	r.b = r.b[end:]
	return raw
}

// extent returns the length of the object at the start of b.
func extent(b []byte) (int, error) {
	var left [maxDepth]int // objects still to pass at the enclosing levels
	depth, objects, at := 0, 1, 0
	for {
		if at == len(b) {
			return 0, ErrTruncated
		}
		l := &leads[b[at]]
		n, size := l.number(b[at:])
		if size == 0 {
			return 0, ErrTruncated
		}
		at += size
		if l.follow > 0 {
			n = n*uint64(l.follow) + uint64(l.surplus)
			if n > uint64(len(b)-at) {
				return 0, ErrTruncated
			}
			switch {
			case l.kind != KindMap && l.kind != KindArray:
				at += int(n)
			case depth == maxDepth && n > 0:
				return 0, ErrDepth
			case n > 0:
				left[depth] = objects - 1
				depth++
				objects = int(n)
				continue
			}
		} else if l.invalid() {
			return 0, errInvalid
		}
		objects--
		for objects == 0 {
			if depth == 0 {
				return at, nil
			}
			depth--
			objects = left[depth]
		}
	}
}
