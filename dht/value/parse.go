package value

import (
	"errors"
	"fmt"
	"math"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

var (
	// ErrMalformed reports bytes that are not a value, or not the payload that
	// was asked for.
	ErrMalformed = errors.New("value: malformed")
	// ErrTooLarge reports something over one of the limits of this package.
	ErrTooLarge = errors.New("value: too large")
)

// Parse reads the packed value at the start of b. The result aliases b.
func Parse(b []byte) (*Value, error) {
	v := new(Value)
	if err := v.Unpack(b); err != nil {
		return nil, err
	}
	return v, nil
}

// Unpack sets v to the packed value at the start of b, whose bytes v aliases
// until it is overwritten; bytes after it are ignored. Nothing is allocated for
// a value as peers write it, but the two hints UserType and PushType. After an
// error v is unspecified.
//
// Reading is tolerant as in opendht spec 4.1: keys in any order, unknown keys
// and keys of other types passed over, integers of any width, byte strings as
// bin, str or array of numbers. A key given twice is an error.
func (v *Value) Unpack(b []byte) error {
	*v = Value{}
	if len(b) > MaxPackedSize {
		return fmt.Errorf("%w: %d bytes packed, at most %d", ErrTooLarge, len(b), MaxPackedSize)
	}
	r := msgpack.NewReader(b)
	var seen keySet
	for range r.Map() {
		switch string(nextKey(&r)) {
		case keyID:
			seen.add(&r, haveID)
			v.ID = r.Uint()
		case keyContent:
			seen.add(&r, haveContent)
			v.readContent(&r, true)
		case keyPriority:
			seen.add(&r, havePriority)
			v.Priority = uint8(min(r.Uint(), math.MaxUint8))
		case keyPushType:
			seen.add(&r, havePushType)
			v.PushType = string(r.Str())
		default:
			r.Skip()
		}
	}
	return seen.finish(&r, haveID|haveContent)
}

// unpackContent sets v to the body and signature in b, the plaintext of an
// encrypted value. v aliases b.
func (v *Value) unpackContent(b []byte) error {
	*v = Value{}
	r := msgpack.NewReader(b)
	v.readContent(&r, false)
	return readError(&r)
}

// readContent reads DAT; a cypher is accepted only at the outermost level.
func (v *Value) readContent(r *msgpack.Reader, outer bool) {
	if outer && r.Kind() != msgpack.KindMap {
		v.Cypher = r.Blob()
		if len(v.Cypher) == 0 {
			r.Fail(errEmptyCypher)
		}
		return
	}
	var seen keySet
	for range r.Map() {
		switch string(nextKey(r)) {
		case keyBody:
			seen.add(r, haveBody)
			v.readBody(r)
		case keySig:
			seen.add(r, haveSig)
			v.Signature = r.Blob()
		default:
			r.Skip()
		}
	}
	need := haveBody
	if len(v.Owner) > 0 {
		need |= haveSig
	} else {
		v.Signature = nil
	}
	if err := seen.finish(r, need); err != nil {
		r.Fail(err)
	}
}

func (v *Value) readBody(r *msgpack.Reader) {
	var seen keySet
	for range r.Map() {
		switch string(nextKey(r)) {
		case keySeq:
			seen.add(r, haveSeq)
			v.Seq = uint16(r.UintMax(math.MaxUint16))
		case keyOwner:
			seen.add(r, haveOwner)
			v.Owner = r.Blob()
			if !wellFormedSPKI(v.Owner) {
				r.Fail(errBadOwner)
			}
		case keyTo:
			seen.add(r, haveTo)
			to, ok := infohash.FromBytes(r.Blob())
			if !ok {
				r.Fail(errBadRecipient)
			}
			v.Recipient = to
		case keyType:
			seen.add(r, haveType)
			v.Type = TypeID(r.UintMax(math.MaxUint16))
		case keyData:
			seen.add(r, haveData)
			v.Data = r.Blob()
		case keyUserType:
			seen.add(r, haveUserType)
			v.UserType = string(r.Blob())
		default:
			r.Skip()
		}
	}
	need := haveType | haveData
	if seen&haveOwner != 0 {
		need |= haveSeq
	} else {
		// Without an owner these are not part of what is packed again.
		v.Seq, v.Recipient = 0, infohash.Hash{}
	}
	if err := seen.finish(r, need); err != nil {
		r.Fail(err)
	}
}

var (
	errDuplicateKey = fmt.Errorf("%w: key given twice", ErrMalformed)
	errMissingKey   = fmt.Errorf("%w: required key missing", ErrMalformed)
	errEmptyCypher  = fmt.Errorf("%w: empty cypher", ErrMalformed)
	errBadOwner     = fmt.Errorf("%w: owner is not a public key", ErrMalformed)
	errBadRecipient = fmt.Errorf("%w: recipient is not 20 bytes", ErrMalformed)
)

// keySet collects the known keys met in one map.
type keySet uint16

const (
	haveID keySet = 1 << iota
	haveContent
	havePriority
	havePushType
	haveBody
	haveSig
	haveSeq
	haveOwner
	haveTo
	haveType
	haveData
	haveUserType
)

func (s *keySet) add(r *msgpack.Reader, key keySet) {
	if *s&key != 0 {
		r.Fail(errDuplicateKey)
	}
	*s |= key
}

// finish returns what went wrong in a map that needs the given keys.
func (s *keySet) finish(r *msgpack.Reader, need keySet) error {
	if err := readError(r); err != nil {
		return err
	}
	if *s&need != need {
		return errMissingKey
	}
	return nil
}

// readError returns the error of r, as one that wraps ErrMalformed or ErrTooLarge.
func readError(r *msgpack.Reader) error {
	err := r.Err()
	if err == nil || errors.Is(err, ErrMalformed) || errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// nextKey reads a map key; one that is not a str comes back empty.
func nextKey(r *msgpack.Reader) []byte {
	if r.Kind() == msgpack.KindString {
		return r.Str()
	}
	r.Skip()
	return nil
}
