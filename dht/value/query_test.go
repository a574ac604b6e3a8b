package value

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
)

func TestQueryWireForm(t *testing.T) {
	owner := infohash.SumString("owner")
	tests := []struct {
		q    Query
		want string // hexadecimal
	}{
		{Query{}, "82a17390a17790"},
		{Query{Select: []Field{FieldID, FieldSeq}}, "82a173920104a17790"},
		{Query{Where: []Condition{WhereID(300)}}, "82a17390a1779182a16601a176cd012c"},
		{Query{Where: []Condition{WhereType(TypeCertificate)}}, "82a17390a1779182a16602a17608"},
		{Query{Where: []Condition{WhereOwner(owner)}}, "82a17390a1779182a16603a176c414" + owner.String()},
		{Query{Where: []Condition{WhereUserType("x")}}, "82a17390a1779182a16605a176c40178"},
	}
	for _, tt := range tests {
		got := tt.q.Append(nil)
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("%v: %x, want %s", &tt.q, got, tt.want)
		}
		back, err := ParseQuery(got)
		if err != nil || back.String() != tt.q.String() {
			t.Errorf("%v came back as %v: %v", &tt.q, &back, err)
		}
	}
	bySeq := Query{Where: []Condition{{Field: FieldSeq}, WhereID(1)}}
	if got := bySeq.Append(nil); hex.EncodeToString(got) != "82a17390a1779182a16601a17601" {
		t.Errorf("a filter by seq was sent: %x", got)
	}
}

func TestParseQueryRefuses(t *testing.T) {
	cond := func(f byte, v []byte) []byte { return mapOf(str("f"), []byte{f}, str("v"), v) }
	many := make([][]byte, MaxConditions+1)
	for i := range many {
		many[i] = cond(1, []byte{1})
	}
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"no where", mapOf(str("s"), list()), ErrMalformed},
		{"no select", mapOf(str("w"), list()), ErrMalformed},
		{"filter by seq", mapOf(str("s"), list(), str("w"), list(cond(4, []byte{1}))), ErrMalformed},
		{"filter by an unknown field", mapOf(str("s"), list(), str("w"), list(cond(6, []byte{1}))), ErrMalformed},
		{"filter without field", mapOf(str("s"), list(), str("w"), list(mapOf(str("v"), []byte{1}))), ErrMalformed},
		{"filter without value", mapOf(str("s"), list(), str("w"), list(mapOf(str("f"), []byte{1}))), ErrMalformed},
		{"short owner", mapOf(str("s"), list(), str("w"), list(cond(3, bin([]byte("x"))))), ErrMalformed},
		{"select of an unknown field", mapOf(str("s"), list([]byte{6}), str("w"), list()), ErrMalformed},
		{"select of field 0", mapOf(str("s"), list([]byte{0}), str("w"), list()), ErrMalformed},
		{"too many conditions", mapOf(str("s"), list(), str("w"), list(many...)), ErrTooLarge},
	}
	for _, tt := range tests {
		if q, err := ParseQuery(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v", tt.name, q, err)
		}
	}
}

func TestParseQueryIsTolerant(t *testing.T) {
	in := mapOf(str("x"), []byte{0xc0}, str("w"), list(mapOf(str("v"), str("text"), str("y"), list(), str("f"), []byte{5})), str("s"), list([]byte{4}, []byte{1}, []byte{4}))
	q, err := ParseQuery(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Query{Select: []Field{FieldID, FieldSeq}, Where: []Condition{WhereUserType("text")}}); !reflect.DeepEqual(q, want) {
		t.Errorf("got %v", &q)
	}
}

func TestUnpackQueryReusesMemory(t *testing.T) {
	q := Query{Select: []Field{FieldID}, Where: []Condition{WhereID(7)}}
	wire := q.Append(nil)
	var got Query
	if n := testing.AllocsPerRun(100, func() {
		if got.Unpack(wire) != nil {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestQueryMatches(t *testing.T) {
	_, signed := vector(t, "signed_to_bob")
	_, encrypted := vector(t, "trust_request_enc")
	_, plain := vector(t, "plain")
	alice := identityVectors(t)["alice"].ID
	tests := []struct {
		name  string
		where []Condition
		v     *Value
		want  bool
	}{
		{"everything", nil, plain, true},
		{"id", []Condition{WhereID(43)}, signed, true},
		{"other id", []Condition{WhereID(44)}, signed, false},
		{"type", []Condition{WhereType(0)}, signed, true},
		{"other type", []Condition{WhereType(1)}, signed, false},
		{"owner", []Condition{WhereOwner(alice)}, signed, true},
		{"other owner", []Condition{WhereOwner(infohash.Hash{1})}, signed, false},
		{"owner of a plain value", []Condition{WhereOwner(infohash.Hash{})}, plain, false},
		{"user type", []Condition{WhereUserType("text/plain")}, signed, true},
		{"no user type", []Condition{WhereUserType("")}, plain, true},
		{"all of several", []Condition{WhereID(43), WhereOwner(alice)}, signed, true},
		{"one of several", []Condition{WhereID(43), WhereType(1)}, signed, false},
		{"encrypted by id", []Condition{WhereID(46)}, encrypted, true},
		{"encrypted by type 0", []Condition{WhereType(0)}, encrypted, true},
		{"encrypted by its inner type", []Condition{WhereType(4)}, encrypted, false},
		{"encrypted by owner", []Condition{WhereOwner(infohash.Hash{})}, encrypted, false},
		{"encrypted by user type", []Condition{WhereUserType("")}, encrypted, false},
		{"seq", []Condition{{Field: FieldSeq}}, plain, false},
	}
	for _, tt := range tests {
		q := Query{Where: tt.where}
		if got := q.Match(tt.v); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestQueryText(t *testing.T) {
	owner := infohash.SumString("owner")
	tests := []struct{ text, want string }{
		{"", ""},
		{"SELECT *", ""},
		{"select * where id=1", "WHERE id=1"},
		{"SELECT seq, ID ,seq", "SELECT id,seq"},
		{`SELECT id WHERE value_type = 3 , user_type="a, \"b\" where"`, `SELECT id WHERE value_type=3,user_type="a, \"b\" where"`},
		{"WHERE user_type=text/plain,owner_pk=" + owner.String(), `WHERE user_type="text/plain",owner_pk=` + owner.String()},
	}
	for _, tt := range tests {
		q, err := ParseQueryText(tt.text)
		if err != nil || q.String() != tt.want {
			t.Errorf("%q: %q, %v", tt.text, q.String(), err)
		}
	}
	for _, text := range []string{
		"id", "SELECT", "SELECT nothing", "SELECT id,", "SELECT id id", "WHERE", "WHERE id", "WHERE id=", "WHERE id=-1", "WHERE seq=1", "WHERE value_type=65536",
		"WHERE owner_pk=12", `WHERE user_type="x`, `WHERE user_type="x" y`, "WHERE id=1,", "WHERE id=1 SELECT id",
		"WHERE id=1,id=1,id=1,id=1,id=1,id=1,id=1,id=1,id=1",
	} {
		if q, err := ParseQueryText(text); err == nil {
			t.Errorf("%q: read as %v", text, &q)
		}
	}
}

func genQuery(t *rapid.T) Query {
	var q Query
	for f := FieldID; f <= FieldUserType; f++ {
		if rapid.Bool().Draw(t, "select") {
			q.Select = append(q.Select, f)
		}
	}
	for range rapid.IntRange(0, MaxConditions).Draw(t, "conditions") {
		switch rapid.IntRange(0, 3).Draw(t, "field") {
		case 0:
			q.Where = append(q.Where, WhereID(rapid.Uint64().Draw(t, "id")))
		case 1:
			q.Where = append(q.Where, WhereType(TypeID(rapid.Uint16().Draw(t, "type"))))
		case 2:
			q.Where = append(q.Where, WhereOwner(infohash.SumString(rapid.String().Draw(t, "owner"))))
		default:
			q.Where = append(q.Where, WhereUserType(rapid.String().Draw(t, "user type")))
		}
	}
	return q
}

func TestQueriesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := genQuery(t)
		if got, err := ParseQuery(q.Append(nil)); err != nil || !reflect.DeepEqual(got, q) {
			t.Fatalf("wire form: got %v, %v", &got, err)
		}
		if got, err := ParseQueryText(q.String()); err != nil || !reflect.DeepEqual(got, q) {
			t.Fatalf("text %q: got %v, %v", q.String(), &got, err)
		}
	})
}

func TestFieldsComeBack(t *testing.T) {
	var values []*Value
	for _, x := range valueVectors(t) {
		values = append(values, mustParse(t, x.Packed))
	}
	fields := []Field{FieldID, FieldType, FieldOwner, FieldSeq, FieldUserType}
	b := AppendFieldsHeader(nil, fields, len(values))
	for _, v := range values {
		b = v.AppendFields(b, fields)
	}
	got, err := ParseFields(b)
	if err != nil || len(got) != len(values) {
		t.Fatalf("%d groups, %v", len(got), err)
	}
	for i, v := range values {
		want := FieldIndex{ID: v.ID, Type: v.Type, Owner: v.OwnerID(), Seq: v.Seq, UserType: v.UserType}
		if got[i] != want {
			t.Errorf("got %+v, want %+v", got[i], want)
		}
	}
}

func TestFieldsWireForm(t *testing.T) {
	// From replies of the peers: one id, as read from the network.
	got, err := ParseFields(mustHex(t, "82a1669101a176910b"))
	if err != nil || !reflect.DeepEqual(got, []FieldIndex{{ID: 11}}) {
		t.Errorf("%+v, %v", got, err)
	}
	b := AppendFieldsHeader(nil, []Field{FieldID, FieldSeq}, 1)
	b = (&Value{ID: 300, Seq: 2}).AppendFields(b, []Field{FieldID, FieldSeq})
	if want := mustHex(t, "82a166920104a17692cd012c02"); !bytes.Equal(b, want) {
		t.Errorf("wrote %x", b)
	}
	owner := identityVectors(t)["bob"]
	for name, bytes := range map[string][]byte{"key id": owner.ID[:], "key": owner.SPKI} {
		got, err := ParseFields(mapOf(str("v"), list(bin(bytes)), str("f"), list([]byte{3})))
		if err != nil || len(got) != 1 || got[0].Owner != owner.ID {
			t.Errorf("owner as %s: %+v, %v", name, got, err)
		}
	}
	for name, in := range map[string][]byte{
		"no fields":      mapOf(str("f"), list(), str("v"), list()),
		"no values":      mapOf(str("f"), list([]byte{1})),
		"broken group":   mapOf(str("f"), list([]byte{1}, []byte{4}), str("v"), list([]byte{1}, []byte{1}, []byte{1})),
		"unknown field":  mapOf(str("f"), list([]byte{9}), str("v"), list([]byte{1})),
		"owner of 21":    mapOf(str("f"), list([]byte{3}), str("v"), list(bin(make([]byte, 21)))),
		"id of text":     mapOf(str("f"), list([]byte{1}), str("v"), list(str("x"))),
		"values not all": mapOf(str("f"), list([]byte{1}), str("v"), []byte{0xdd, 0xff, 0xff, 0xff, 0xff}),
	} {
		if got, err := ParseFields(in); !errors.Is(err, ErrMalformed) || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzParseQuery(f *testing.F) {
	f.Add([]byte("\x82\xa1s\x92\x01\x04\xa1w\x91\x82\xa1f\x01\xa1v\x05"))
	f.Add([]byte("\x82\xa1s\x90\xa1w\x91\x82\xa1f\x05\xa1v\xc4\x01x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := ParseQuery(b)
		if err != nil {
			return
		}
		again, err := ParseQuery(q.Append(nil))
		if err != nil || again.String() != q.String() {
			t.Fatalf("%v came back as %v: %v", &q, &again, err)
		}
	})
}

func FuzzParseQueryText(f *testing.F) {
	f.Add(`SELECT id,value_type WHERE user_type="x",id=3`)
	f.Add(`select * where owner_pk=da39a3ee5e6b4b0d3255bfef95601890afd80709`)
	f.Fuzz(func(t *testing.T, s string) {
		q, err := ParseQueryText(s)
		if err != nil {
			return
		}
		again, err := ParseQueryText(q.String())
		if err != nil || again.String() != q.String() {
			t.Fatalf("%q: %v came back as %v: %v", s, &q, &again, err)
		}
	})
}

func FuzzParseFields(f *testing.F) {
	f.Add([]byte("\x82\xa1f\x91\x01\xa1v\x91\x0b"))
	f.Add([]byte("\x82\xa1f\x92\x01\x04\xa1v\x92\x0b\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		groups, err := ParseFields(b)
		if err == nil && len(groups) > len(b) {
			t.Fatalf("%d groups of %d bytes", len(groups), len(b))
		}
	})
}
