package msgpack

import (
	"errors"
	"fmt"
	"math"

	"github.com/tinylib/msgp/msgp"
)

// MaxDepth bounds the nesting of containers that Skip and Raw walk through.
const MaxDepth = 16

var (
	// ErrTruncated reports input that ends inside an object, or announces
	// more elements than the remaining bytes can hold.
	ErrTruncated = errors.New("msgpack: truncated input")
	// ErrType reports an object of another type than the one asked for.
	ErrType = errors.New("msgpack: unexpected type")
	// ErrDepth reports containers nested deeper than MaxDepth.
	ErrDepth = errors.New("msgpack: nested too deep")
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

func (r *Reader) mismatch(want string) {
	if len(r.b) == 0 {
		r.Fail(ErrTruncated)
		return
	}
	r.Fail(fmt.Errorf("%w: want %s, got %s", ErrType, want, msgp.NextType(r.b)))
}

// Kind tells the type of the next object without consuming it.
func (r *Reader) Kind() Kind {
	if len(r.b) == 0 {
		return KindEnd
	}
	switch msgp.NextType(r.b) {
	case msgp.MapType:
		return KindMap
	case msgp.ArrayType:
		return KindArray
	case msgp.IntType, msgp.UintType:
		return KindInt
	case msgp.StrType:
		return KindString
	case msgp.BinType:
		return KindBin
	case msgp.BoolType:
		return KindBool
	case msgp.NilType:
		return KindNil
	default:
		return KindOther
	}
}

// Map reads the header of a map and returns its number of pairs.
func (r *Reader) Map() int {
	if r.Kind() != KindMap {
		r.mismatch("map")
		return 0
	}
	n, rest, err := msgp.ReadMapHeaderBytes(r.b)
	return r.count(n, 2, rest, err)
}

// Array reads the header of an array and returns its number of elements.
func (r *Reader) Array() int {
	if r.Kind() != KindArray {
		r.mismatch("array")
		return 0
	}
	n, rest, err := msgp.ReadArrayHeaderBytes(r.b)
	return r.count(n, 1, rest, err)
}

// count accepts a container header when its n elements of at least width bytes
// each fit into rest.
func (r *Reader) count(n uint32, width uint64, rest []byte, err error) int {
	if err != nil || uint64(n)*width > uint64(len(rest)) {
		r.Fail(ErrTruncated)
		return 0
	}
	r.b = rest
	return int(n)
}

// Uint reads a non-negative integer of either family.
func (r *Reader) Uint() uint64 {
	if r.Kind() != KindInt {
		r.mismatch("unsigned integer")
		return 0
	}
	v, rest, err := msgp.ReadUint64Bytes(r.b)
	if err != nil {
		r.failInt(err, "unsigned integer")
		return 0
	}
	r.b = rest
	return v
}

// UintMax reads a non-negative integer of at most max.
func (r *Reader) UintMax(max uint64) uint64 {
	v := r.Uint()
	if v > max {
		r.Fail(fmt.Errorf("%w: %d is over %d", ErrType, v, max))
		return 0
	}
	return v
}

// Int reads an integer of either family that fits an int64.
func (r *Reader) Int() int64 {
	if r.Kind() != KindInt {
		r.mismatch("integer")
		return 0
	}
	v, rest, err := msgp.ReadInt64Bytes(r.b)
	if err != nil {
		r.failInt(err, "integer")
		return 0
	}
	r.b = rest
	return v
}

func (r *Reader) failInt(err error, want string) {
	if errors.Is(err, msgp.ErrShortBytes) {
		r.Fail(ErrTruncated)
		return
	}
	r.Fail(fmt.Errorf("%w: want %s: %w", ErrType, want, err))
}

// Bool reads a boolean.
func (r *Reader) Bool() bool {
	if r.Kind() != KindBool {
		r.mismatch("bool")
		return false
	}
	v, rest, _ := msgp.ReadBoolBytes(r.b)
	r.b = rest
	return v
}

// Str reads a str and returns its bytes, which alias the input.
func (r *Reader) Str() []byte {
	if r.Kind() != KindString {
		r.mismatch("str")
		return nil
	}
	v, rest, err := msgp.ReadStringZC(r.b)
	if err != nil {
		r.Fail(ErrTruncated)
		return nil
	}
	r.b = rest
	return v
}

// Bin reads a bin and returns its bytes, which alias the input.
func (r *Reader) Bin() []byte {
	if r.Kind() != KindBin {
		r.mismatch("bin")
		return nil
	}
	v, rest, err := msgp.ReadBytesZC(r.b)
	if err != nil {
		r.Fail(ErrTruncated)
		return nil
	}
	r.b = rest
	return v
}

// Blob reads bytes in any form that OpenDHT accepts for them: bin, str, or an
// array of integers below 256. The result aliases the input but in the last
// case.
func (r *Reader) Blob() []byte {
	switch r.Kind() {
	case KindBin:
		return r.Bin()
	case KindString:
		return r.Str()
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
		r.mismatch("bin, str or array of bytes")
		return nil
	}
}

// Skip passes over one object of any type.
func (r *Reader) Skip() {
	// left counts the objects still to pass at each open level.
	var left [MaxDepth + 1]uint64
	depth := 0
	left[0] = 1
	for {
		for left[depth] == 0 {
			if depth == 0 {
				return
			}
			depth--
		}
		left[depth]--
		var children uint64
		switch r.Kind() {
		case KindMap:
			children = 2 * uint64(r.Map())
		case KindArray:
			children = uint64(r.Array())
		default:
			r.skipScalar()
		}
		if r.err != nil {
			return
		}
		if children > 0 {
			if depth == MaxDepth {
				r.Fail(ErrDepth)
				return
			}
			depth++
			left[depth] = children
		}
	}
}

func (r *Reader) skipScalar() {
	if r.err != nil || len(r.b) == 0 {
		r.Fail(ErrTruncated)
		return
	}
	rest, err := msgp.Skip(r.b)
	if err != nil {
		r.Fail(ErrTruncated)
		return
	}
	r.b = rest
}

// Raw passes over one object and returns its bytes, which alias the input.
func (r *Reader) Raw() []byte {
	start := r.b
	r.Skip()
	if r.err != nil {
		return nil
	}
	return start[:len(start)-len(r.b)]
}
