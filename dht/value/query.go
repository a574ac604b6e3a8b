package value

import (
	"fmt"
	"math"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// Field numbers a field of a value that queries can select or filter by.
type Field uint8

// The fields of queries (opendht spec 3.1).
const (
	FieldID       Field = 1
	FieldType     Field = 2
	FieldOwner    Field = 3
	FieldSeq      Field = 4 // to select only: peers drop a query that filters by it
	FieldUserType Field = 5
)

const fieldCount = 5

func (f Field) valid() bool { return f >= FieldID && f <= fieldCount }

// Query asks a node for some fields of some of the values it stores under a key.
// The zero Query asks for all values, whole.
type Query struct {
	Select []Field     // fields of the answer; empty for whole values
	Where  []Condition // all must hold; empty for all values
}

// Condition demands a value of one field: ID, Type, Owner or UserType as Field
// says. WhereID and its siblings make one.
type Condition struct {
	Field    Field
	ID       uint64
	Type     TypeID
	Owner    infohash.Hash // key id
	UserType string
}

// WhereID demands a value id.
func WhereID(id uint64) Condition { return Condition{Field: FieldID, ID: id} }

// WhereType demands a type. Encrypted values have the type 0.
func WhereType(t TypeID) Condition { return Condition{Field: FieldType, Type: t} }

// WhereOwner demands the key id of the owner.
func WhereOwner(id infohash.Hash) Condition { return Condition{Field: FieldOwner, Owner: id} }

// WhereUserType demands a user type.
func WhereUserType(s string) Condition { return Condition{Field: FieldUserType, UserType: s} }

// match reports whether v meets the condition. Of an encrypted value only id and
// type are known (opendht spec 3.2).
func (c *Condition) match(v *Value) bool {
	switch c.Field {
	case FieldID:
		return v.ID == c.ID
	case FieldType:
		return v.Type == c.Type
	case FieldOwner:
		return v.Signed() && v.OwnerID() == c.Owner
	case FieldUserType:
		return !v.Encrypted() && v.UserType == c.UserType
	default:
		return false
	}
}

// IsZero reports whether q asks for all values, whole: such a query is left out
// of messages.
func (q *Query) IsZero() bool { return len(q.Select) == 0 && len(q.Where) == 0 }

// Match reports whether v meets all conditions of q.
func (q *Query) Match(v *Value) bool {
	for i := range q.Where {
		if !q.Where[i].match(v) {
			return false
		}
	}
	return true
}

// Append appends the wire form of q to b (opendht spec 3.1):
//
//	{"s": [field...], "w": [{"f": field, "v": value}...]}
//
// Conditions without a wire form are left out; the answer then holds more.
func (q *Query) Append(b []byte) []byte {
	b = msgpack.AppendMap(b, 2)
	b = msgpack.AppendString(b, "s")
	b = appendFieldNumbers(b, q.Select)
	b = msgpack.AppendString(b, "w")
	n := 0
	for i := range q.Where {
		if q.Where[i].sendable() {
			n++
		}
	}
	b = msgpack.AppendArray(b, n)
	for i := range q.Where {
		if q.Where[i].sendable() {
			b = q.Where[i].append(b)
		}
	}
	return b
}

func appendFieldNumbers(b []byte, fields []Field) []byte {
	b = msgpack.AppendArray(b, len(fields))
	for _, f := range fields {
		b = msgpack.AppendUint(b, uint64(f))
	}
	return b
}

func (c *Condition) sendable() bool { return c.Field.valid() && c.Field != FieldSeq }

func (c *Condition) append(b []byte) []byte {
	b = msgpack.AppendMap(b, 2)
	b = msgpack.AppendString(b, "f")
	b = msgpack.AppendUint(b, uint64(c.Field))
	b = msgpack.AppendString(b, "v")
	switch c.Field {
	case FieldID:
		return msgpack.AppendUint(b, c.ID)
	case FieldType:
		return msgpack.AppendUint(b, uint64(c.Type))
	case FieldOwner:
		return msgpack.AppendBin(b, c.Owner[:])
	default:
		return msgpack.AppendBin(b, []byte(c.UserType))
	}
}

// ParseQuery reads the wire form of a query.
func ParseQuery(b []byte) (Query, error) {
	var q Query
	err := q.Unpack(b)
	return q, err
}

// Unpack sets q to the query at the start of b, using the memory of its slices
// again. q does not alias b. The selected fields come out in ascending order and
// once each. Both keys are required; a query that filters by FieldSeq, or names a
// field that does not exist, is malformed, and one with more than MaxConditions
// conditions is too large. After an error q is unspecified.
func (q *Query) Unpack(b []byte) error {
	q.Select, q.Where = q.Select[:0], q.Where[:0]
	var hasSelect, hasWhere bool
	r := msgpack.NewReader(b)
	for range r.Map() {
		switch string(nextKey(&r)) {
		case "s":
			hasSelect = true
			q.Select = readFields(&r, q.Select[:0])
		case "w":
			hasWhere = true
			q.readWhere(&r)
		default:
			r.Skip()
		}
	}
	if r.Err() == nil && !(hasSelect && hasWhere) {
		r.Fail(errMissingKey)
	}
	return readError(&r)
}

// readFields appends an array of field numbers to dst, ascending and once each.
func readFields(r *msgpack.Reader, dst []Field) []Field {
	var set [fieldCount + 1]bool
	for range r.Array() {
		f := Field(r.UintMax(math.MaxUint8))
		if !f.valid() {
			r.Fail(errBadField)
			return dst
		}
		set[f] = true
	}
	for f := FieldID; f <= fieldCount; f++ {
		if set[f] {
			dst = append(dst, f)
		}
	}
	return dst
}

func (q *Query) readWhere(r *msgpack.Reader) {
	q.Where = q.Where[:0]
	n := r.Array()
	if n > MaxConditions {
		r.Fail(fmt.Errorf("%w: query with %d conditions, at most %d", ErrTooLarge, n, MaxConditions))
		return
	}
	for range n {
		var c Condition
		if c.read(r); r.Err() != nil {
			return
		}
		q.Where = append(q.Where, c)
	}
}

// read reads {"f": field, "v": value} with the keys in either order.
func (c *Condition) read(r *msgpack.Reader) {
	var v msgpack.Reader
	for range r.Map() {
		switch string(nextKey(r)) {
		case "f":
			c.Field = Field(r.UintMax(math.MaxUint8))
		case "v":
			v = msgpack.NewReader(r.Raw())
		default:
			r.Skip()
		}
	}
	switch c.Field {
	case FieldID:
		c.ID = v.Uint()
	case FieldType:
		c.Type = TypeID(v.UintMax(math.MaxUint16))
	case FieldOwner:
		owner, ok := infohash.FromBytes(v.Blob())
		if !ok {
			v.Fail(errBadOwner)
		}
		c.Owner = owner
	case FieldUserType:
		c.UserType = string(v.Blob())
	default:
		v.Fail(errBadField)
	}
	if err := v.Err(); err != nil {
		r.Fail(err)
	}
}

var errBadField = fmt.Errorf("%w: no such query field", ErrMalformed)
