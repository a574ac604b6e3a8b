package msgpack

import (
	"bytes"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// The lengths and kinds that leads gives must be those of the library whose
// functions write our messages.
func FuzzRaw(f *testing.F) {
	for c := range 256 {
		f.Add(append([]byte{byte(c)}, make([]byte, 24)...))
		f.Add([]byte{byte(c), 0, 0, 0, 1, 0, 0xc1})
		f.Add([]byte{byte(c)})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		raw := r.Raw()
		rest, err := msgp.Skip(b)
		switch {
		case r.Err() == nil && err == nil:
			if !bytes.Equal(raw, b[:len(b)-len(rest)]) {
				t.Fatalf("%x: object of %d bytes, want %d", b, len(raw), len(b)-len(rest))
			}
		case r.Err() == nil:
			t.Fatalf("%x: taken, but %v", b, err)
		case err == nil && r.Err() != ErrDepth:
			t.Fatalf("%x: %v, but it has %d bytes", b, r.Err(), len(b)-len(rest))
		}
	})
}

func TestKinds(t *testing.T) {
	kinds := map[msgp.Type]Kind{
		msgp.MapType: KindMap, msgp.ArrayType: KindArray, msgp.IntType: KindInt, msgp.UintType: KindInt,
		msgp.StrType: KindString, msgp.BinType: KindBin, msgp.BoolType: KindBool, msgp.NilType: KindNil,
	}
	for c := range 256 {
		want, ok := kinds[msgp.NextType([]byte{byte(c)})]
		if !ok {
			want = KindOther
		}
		r := NewReader([]byte{byte(c)})
		if got := r.Kind(); got != want {
			t.Errorf("kind of %#x = %d, want %d", c, got, want)
		}
	}
}

func FuzzIntegers(f *testing.F) {
	for _, c := range []byte{0, 0x7f, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xe0, 0xff} {
		for _, fill := range []byte{0, 0x7f, 0x80, 0xff} {
			f.Add(append([]byte{c}, bytes.Repeat([]byte{fill}, 8)...))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		got := r.Int()
		if want, _, err := msgp.ReadInt64Bytes(b); got != want || (err == nil) != (r.Err() == nil) {
			t.Fatalf("int of %x = %d, %v; want %d, %v", b, got, r.Err(), want, err)
		}
		r = NewReader(b)
		gotU := r.Uint()
		if want, _, err := msgp.ReadUint64Bytes(b); gotU != want || (err == nil) != (r.Err() == nil) {
			t.Fatalf("uint of %x = %d, %v; want %d, %v", b, gotU, r.Err(), want, err)
		}
	})
}
