package value

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

func TestVectorsParseAndPackAgain(t *testing.T) {
	for _, x := range valueVectors(t) {
		t.Run(x.Name, func(t *testing.T) {
			v := mustParse(t, x.Packed)
			if v.ID != x.id(t) || v.Type != x.Type || v.Seq != x.Seq || v.UserType != x.UserType || v.Priority != x.Priority {
				t.Errorf("parsed %+v", v)
			}
			if !bytes.Equal(v.Data, x.Data) || !bytes.Equal(v.Signature, x.Signature) || !bytes.Equal(v.Cypher, x.Cypher) {
				t.Error("data, signature or cypher differ")
			}
			if got := v.Append(nil); !bytes.Equal(got, x.Packed) {
				t.Errorf("packed\n got %x\nwant %x", got, x.Packed)
			}
			if v.Encrypted() != (len(x.Cypher) > 0) || v.Signed() != (len(x.Signature) > 0) {
				t.Errorf("Encrypted %v, Signed %v", v.Encrypted(), v.Signed())
			}
			if v.Encrypted() {
				return
			}
			if got := v.AppendBody(nil); !bytes.Equal(got, x.ToSign) {
				t.Errorf("body\n got %x\nwant %x", got, x.ToSign)
			}
		})
	}
}

// genValue draws values of every kind. Owners are small well-formed keys.
func genValue(t *rapid.T) *Value {
	v := &Value{
		ID:       rapid.Uint64().Draw(t, "id"),
		Priority: rapid.Uint8().Draw(t, "priority"),
		PushType: rapid.StringN(0, 40, 80).Draw(t, "push type"),
	}
	blob := rapid.SliceOfN(rapid.Byte(), 0, 300)
	if rapid.Bool().Draw(t, "encrypted") {
		v.Cypher = append(blob.Draw(t, "cypher"), 1)
		return v
	}
	v.Type = TypeID(rapid.Uint16().Draw(t, "type"))
	v.Data = blob.Draw(t, "data")
	v.UserType = rapid.StringN(0, 40, 80).Draw(t, "user type")
	if rapid.Bool().Draw(t, "signed") {
		v.Owner = smallKey(rapid.Uint8().Draw(t, "owner"))
		v.Seq = rapid.Uint16().Draw(t, "seq")
		v.Signature = blob.Draw(t, "signature")
		copy(v.Recipient[:], rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "recipient"))
	}
	return v
}

// smallKey returns a SubjectPublicKeyInfo of no known algorithm.
func smallKey(n byte) []byte {
	return []byte{0x30, 0x0b, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x04, 0x00, n, n, n}
}

func TestPackedValuesParseToThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := genValue(t)
		packed := v.Append(nil)
		got, err := Parse(append(packed, "what follows"...))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Append(nil), packed) {
			t.Fatalf("packed again\n got %x\nwant %x", got.Append(nil), packed)
		}
		if !got.Equal(v) || !v.Equal(got) || got.ID != v.ID || got.Seq != v.Seq || got.Recipient != v.Recipient {
			t.Fatalf("got %+v, want %+v", got, v)
		}
		if got.Size() != v.Size() || got.Size() >= len(packed) {
			t.Fatalf("size %d of %d bytes", got.Size(), len(packed))
		}
	})
}

// Parts of values in forms that the encoder does not write.
func str(s string) []byte { return msgpack.AppendString(nil, s) }
func bin(b []byte) []byte { return msgpack.AppendBin(nil, b) }
func mapOf(kv ...[]byte) []byte {
	return append(msgpack.AppendMap(nil, len(kv)/2), bytes.Join(kv, nil)...)
}

func list(items ...[]byte) []byte {
	return append(msgpack.AppendArray(nil, len(items)), bytes.Join(items, nil)...)
}

func TestParseIsTolerant(t *testing.T) {
	want := &Value{ID: 7, Type: 3, Data: []byte("hello")}
	plain := func(body []byte) []byte { return mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), body)) }
	key := smallKey(1)
	signed := &Value{ID: 7, Type: 3, Data: []byte("hello"), Owner: key, Seq: 2, Signature: []byte("sig")}
	tests := []struct {
		name string
		in   []byte
		want *Value
	}{
		{"keys in another order", mapOf(str("dat"), mapOf(str("body"), mapOf(str("data"), bin(want.Data), str("type"), []byte{3})), str("id"), []byte{7}), want},
		{"unknown keys at every level", mapOf(str("x"), list([]byte{1}), str("id"), []byte{7}, str("dat"),
			mapOf(str("x"), mapOf(str("y"), []byte{0xc0}), str("body"), mapOf(str("type"), []byte{3}, str("z"), []byte{0xcb, 0, 0, 0, 0, 0, 0, 0, 0}, str("data"), bin(want.Data)))), want},
		{"keys that are not text", mapOf([]byte{5}, []byte{6}, list(), []byte{1}, str("id"), []byte{7}, str("dat"), mapOf(str("body"), mapOf(str("type"), []byte{3}, str("data"), bin(want.Data)))), want},
		{"data as str", plain(mapOf(str("type"), []byte{3}, str("data"), str("hello"))), want},
		{"data as numbers", plain(mapOf(str("type"), []byte{3}, str("data"), list([]byte{'h'}, []byte{'e'}, []byte{'l'}, []byte{'l'}, []byte{'o'}))), want},
		{"wide integers", plain(mapOf(str("type"), []byte{0xcf, 0, 0, 0, 0, 0, 0, 0, 3}, str("data"), bin(want.Data))), want},
		{"signed family", plain(mapOf(str("type"), []byte{0xd0, 3}, str("data"), bin(want.Data))), want},
		{"what goes with an owner, without one", plain(mapOf(str("seq"), []byte{9}, str("to"), bin(make([]byte, 20)), str("type"), []byte{3}, str("data"), bin(want.Data))), want},
		{"signature as str before the body", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("sig"), str("sig"),
			str("body"), mapOf(str("owner"), bin(key), str("seq"), []byte{2}, str("type"), []byte{3}, str("data"), bin(want.Data)))), signed},
		{
			"high priority number", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), mapOf(str("type"), []byte{3}, str("data"), bin(want.Data))), str("p"), []byte{0xcd, 1, 0}),
			&Value{ID: 7, Type: 3, Data: want.Data, Priority: 255},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	body := mapOf(str("type"), []byte{3}, str("data"), bin(nil))
	dat := mapOf(str("body"), body)
	owned := func(owner, sig []byte, more ...[]byte) []byte {
		b := mapOf(append([][]byte{str("owner"), owner, str("type"), {3}, str("data"), bin(nil)}, more...)...)
		if sig == nil {
			return mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), b))
		}
		return mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), b, str("sig"), sig))
	}
	key, seq := bin(smallKey(1)), [][]byte{str("seq"), {1}}
	if _, err := Parse(owned(key, bin(nil), seq...)); err != nil {
		t.Fatalf("the signed value that the cases below vary: %v", err)
	}
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, ErrMalformed},
		{"not a map", []byte{1}, ErrMalformed},
		{"no id", mapOf(str("dat"), dat), ErrMalformed},
		{"no content", mapOf(str("id"), []byte{7}), ErrMalformed},
		{"no body", mapOf(str("id"), []byte{7}, str("dat"), mapOf()), ErrMalformed},
		{"no data", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), mapOf(str("type"), []byte{3}))), ErrMalformed},
		{"no type", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), mapOf(str("data"), bin(nil)))), ErrMalformed},
		{"body as bytes", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), bin(body))), ErrMalformed},
		{"empty cypher", mapOf(str("id"), []byte{7}, str("dat"), bin(nil)), ErrMalformed},
		{"negative id", mapOf(str("id"), []byte{0xff}, str("dat"), dat), ErrMalformed},
		{"type over 16 bits", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), mapOf(str("type"), []byte{0xce, 0, 1, 0, 0}, str("data"), bin(nil)))), ErrMalformed},
		{"id twice", mapOf(str("id"), []byte{7}, str("id"), []byte{8}, str("dat"), dat), ErrMalformed},
		{"body twice", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), body, str("body"), body)), ErrMalformed},
		{"data twice", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), mapOf(str("type"), []byte{3}, str("data"), bin(nil), str("data"), bin(nil)))), ErrMalformed},
		{"owner without seq", owned(key, bin(nil)), ErrMalformed},
		{"owner without signature", owned(key, nil, seq...), ErrMalformed},
		{"owner that is no key", owned(bin([]byte("key")), bin(nil), seq...), ErrMalformed},
		{"bytes after the owner's key", owned(bin(append(smallKey(1), 0)), bin(nil), seq...), ErrMalformed},
		{"short recipient", owned(key, bin(nil), append(seq, str("to"), bin(make([]byte, 19)))...), ErrMalformed},
		{"too large", (&Value{ID: 1, Data: make([]byte, MaxPackedSize)}).Append(nil), ErrTooLarge},
		{"array of numbers over a byte", mapOf(str("id"), []byte{7}, str("dat"), mapOf(str("body"), mapOf(str("type"), []byte{3}, str("data"), list([]byte{0xcd, 1, 0})))), ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if v, err := Parse(tt.in); !errors.Is(err, tt.want) {
				t.Errorf("got %+v, %v; want %v", v, err, tt.want)
			}
		})
	}
}

func TestLargestDataPasses(t *testing.T) {
	v := &Value{ID: 1, Data: make([]byte, MaxDataSize)}
	if _, err := Parse(v.Append(nil)); err != nil {
		t.Fatal(err)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	x, v := vector(t, "signed_to_bob")
	c := v.Clone()
	clear(x.Packed)
	if c.Equal(v) || !bytes.Equal(c.AppendBody(nil), x.ToSign) {
		t.Error("the copy changed with the packet")
	}
}

func TestSizeCountsPayloadOnly(t *testing.T) {
	v := &Value{ID: 1, Owner: smallKey(1), Data: []byte("12"), Signature: []byte("345"), UserType: "6789", PushType: "abcde"}
	if v.Size() != 2+3+4+5 {
		t.Errorf("size %d", v.Size())
	}
}

func TestEqualComparesContent(t *testing.T) {
	base := Value{ID: 1, Type: 2, Owner: smallKey(1), Seq: 3, Data: []byte("d"), UserType: "u", Signature: []byte("s")}
	same := []func(*Value){
		func(v *Value) { v.ID = 9 }, func(v *Value) { v.Seq = 9 }, func(v *Value) { v.Recipient = infohash.Hash{1} },
		func(v *Value) { v.Priority = 9 }, func(v *Value) { v.PushType = "x" },
	}
	other := []func(*Value){
		func(v *Value) { v.Type = 9 }, func(v *Value) { v.Owner = smallKey(2) }, func(v *Value) { v.Data = nil },
		func(v *Value) { v.UserType = "" }, func(v *Value) { v.Signature = nil }, func(v *Value) { v.Cypher = []byte{1} },
	}
	for i, change := range same {
		if v := base; func() bool { change(&v); return !base.Equal(&v) }() {
			t.Errorf("same[%d] differs", i)
		}
	}
	for i, change := range other {
		if v := base; func() bool { change(&v); return base.Equal(&v) || v.Equal(&base) }() {
			t.Errorf("other[%d] is equal", i)
		}
	}
	a, b := &Value{ID: 1, Cypher: []byte("c")}, &Value{ID: 2, Cypher: []byte("c"), PushType: "p"}
	if !a.Equal(b) {
		t.Error("equal cyphers differ")
	}
}

func TestParsingAndPackingDoNotAllocate(t *testing.T) {
	x, _ := vector(t, "signed_alice")
	var v Value
	buf := make([]byte, 0, len(x.Packed))
	if n := testing.AllocsPerRun(100, func() {
		if v.Unpack(x.Packed) != nil {
			t.Fatal("not parsed")
		}
		buf = v.Append(buf[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, x := range valueVectors(f) {
		f.Add([]byte(x.Packed))
	}
	f.Add(bytes.Repeat([]byte{0x81}, 100))
	f.Add([]byte(strings.Repeat("\xdd\xff\xff\xff\xff", 4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		packed := v.Append(nil)
		again, err := Parse(packed)
		if err != nil {
			t.Fatalf("packed value does not parse: %v", err)
		}
		if !again.Equal(v) || !bytes.Equal(again.Append(nil), packed) {
			t.Fatalf("%+v came back as %+v", v, again)
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	for _, name := range []string{"plain_300", "signed_alice", "encrypted_alice_to_bob"} {
		x, _ := vector(b, name)
		b.Run(name, func(b *testing.B) {
			var v Value
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Unpack(x.Packed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"plain_300", "signed_alice", "encrypted_alice_to_bob"} {
		_, v := vector(b, name)
		b.Run(name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = v.Append(buf[:0])
			}
		})
	}
}
