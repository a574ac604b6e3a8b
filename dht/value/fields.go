package value

import (
	"fmt"
	"math"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// Answers to a query that selects fields (opendht spec 3.3): the numbers of the
// fields, then one group of their values for each stored value, all in one list.
//
//	{"f": [field...], "v": [value...]}

// FieldIndex holds the selected fields of one value; those not selected are zero.
type FieldIndex struct {
	ID       uint64
	Type     TypeID
	Owner    infohash.Hash // key id; zero without an owner
	Seq      uint16
	UserType string
}

// AppendFieldsHeader appends the beginning of an answer for n values to b. The
// caller appends n groups with [Value.AppendFields] for the same fields, which
// must be ascending and free of repetitions, as in a parsed query, and not empty.
func AppendFieldsHeader(b []byte, fields []Field, n int) []byte {
	b = msgpack.AppendMap(b, 2)
	b = msgpack.AppendString(b, "f")
	b = appendFieldNumbers(b, fields)
	b = msgpack.AppendString(b, "v")
	return msgpack.AppendArray(b, n*len(fields))
}

// AppendFields appends the group of v to b. The owner is written as its DER key,
// or 20 zero bytes without one, as peers do.
func (v *Value) AppendFields(b []byte, fields []Field) []byte {
	for _, f := range fields {
		switch f {
		case FieldID:
			b = msgpack.AppendUint(b, v.ID)
		case FieldType:
			b = msgpack.AppendUint(b, uint64(v.Type))
		case FieldOwner:
			if v.Signed() {
				b = msgpack.AppendBin(b, v.Owner)
			} else {
				b = msgpack.AppendBin(b, make([]byte, infohash.Size))
			}
		case FieldSeq:
			b = msgpack.AppendUint(b, uint64(v.Seq))
		case FieldUserType:
			b = msgpack.AppendString(b, v.UserType)
		default:
			b = msgpack.AppendNil(b)
		}
	}
	return b
}

// ParseFields reads an answer: one entry for each value, none of which aliases b.
// An owner may be a DER key or a key id.
func ParseFields(b []byte) ([]FieldIndex, error) {
	var fields []Field
	var values []byte
	r := msgpack.NewReader(b)
	for range r.Map() {
		switch string(nextKey(&r)) {
		case "f":
			fields = readFields(&r, fields[:0])
		case "v":
			values = r.Raw()
		default:
			r.Skip()
		}
	}
	if err := readError(&r); err != nil {
		return nil, err
	}
	if len(fields) == 0 || values == nil {
		return nil, errMissingKey
	}
	v := msgpack.NewReader(values)
	n := v.Array()
	if v.Err() == nil && n%len(fields) != 0 {
		v.Fail(fmt.Errorf("%w: %d values in groups of %d", ErrMalformed, n, len(fields)))
	}
	var groups []FieldIndex
	for range n / len(fields) {
		var x FieldIndex
		if x.read(&v, fields); v.Err() != nil {
			return nil, readError(&v)
		}
		groups = append(groups, x)
	}
	return groups, readError(&v)
}

func (x *FieldIndex) read(r *msgpack.Reader, fields []Field) {
	for _, f := range fields {
		switch f {
		case FieldID:
			x.ID = r.Uint()
		case FieldType:
			x.Type = TypeID(r.UintMax(math.MaxUint16))
		case FieldOwner:
			owner := r.Blob()
			if id, ok := infohash.FromBytes(owner); ok {
				x.Owner = id
			} else if wellFormedSPKI(owner) {
				x.Owner = KeyID(owner)
			} else {
				r.Fail(errBadOwner)
			}
		case FieldSeq:
			x.Seq = uint16(r.UintMax(math.MaxUint16))
		case FieldUserType:
			x.UserType = string(r.Blob())
		}
	}
}
