package msgpack

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// A non-negative integer stands in the unsigned family, in the fewest bytes:
// anything else would change signed bodies.
func TestIntegersAreCanonical(t *testing.T) {
	unsigned := map[uint64]string{
		0: "\x00", 127: "\x7f", 128: "\xcc\x80", 200: "\xcc\xc8", 255: "\xcc\xff", 256: "\xcd\x01\x00", 65535: "\xcd\xff\xff",
		65536: "\xce\x00\x01\x00\x00", math.MaxUint32: "\xce\xff\xff\xff\xff", 1 << 32: "\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
		math.MaxUint64: "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
	}
	for v, want := range unsigned {
		if got := AppendUint(nil, v); string(got) != want {
			t.Errorf("AppendUint(%d) = %x", v, got)
		}
		if v > math.MaxInt64 {
			continue
		}
		if got := AppendInt(nil, int64(v)); string(got) != want {
			t.Errorf("AppendInt(%d) = %x", v, got)
		}
	}
	negative := map[int64]string{
		-1: "\xff", -32: "\xe0", -33: "\xd0\xdf", -128: "\xd0\x80", -129: "\xd1\xff\x7f", math.MinInt16: "\xd1\x80\x00",
		math.MinInt32: "\xd2\x80\x00\x00\x00", math.MinInt64: "\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
	}
	for v, want := range negative {
		if got := AppendInt(nil, v); string(got) != want {
			t.Errorf("AppendInt(%d) = %x", v, got)
		}
	}
}

func TestIntegersOfAnyFormAreRead(t *testing.T) {
	for _, in := range []string{"\x05", "\xcc\x05", "\xcd\x00\x05", "\xce\x00\x00\x00\x05", "\xcf\x00\x00\x00\x00\x00\x00\x00\x05", "\xd0\x05", "\xd1\x00\x05", "\xd2\x00\x00\x00\x05", "\xd3\x00\x00\x00\x00\x00\x00\x00\x05"} {
		r := NewReader([]byte(in))
		if v := r.Uint(); v != 5 || r.Err() != nil || len(r.Rest()) != 0 {
			t.Errorf("%x: Uint %d, %v", in, v, r.Err())
		}
		r = NewReader([]byte(in))
		if v := r.Int(); v != 5 || r.Err() != nil {
			t.Errorf("%x: Int %d, %v", in, v, r.Err())
		}
		for cut := range len(in) {
			r = NewReader([]byte(in[:cut]))
			if r.Uint(); !errors.Is(r.Err(), ErrTruncated) {
				t.Errorf("%x: %v", in[:cut], r.Err())
			}
		}
	}
}

func TestIntegersOutOfRange(t *testing.T) {
	tests := map[string]struct {
		in   string
		read func(*Reader)
	}{
		"negative as unsigned":  {"\xff", func(r *Reader) { r.Uint() }},
		"over int64 as signed":  {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", func(r *Reader) { r.Int() }},
		"over the bound":        {"\xcd\x01\x00", func(r *Reader) { r.UintMax(255) }},
		"text as unsigned":      {"\xa1x", func(r *Reader) { r.Uint() }},
		"text as signed":        {"\xa1x", func(r *Reader) { r.Int() }},
		"float as unsigned":     {"\xca\x00\x00\x00\x00", func(r *Reader) { r.Uint() }},
		"number as bool":        {"\x01", func(r *Reader) { r.Bool() }},
		"bin as str":            {"\xc4\x00", func(r *Reader) { r.Str() }},
		"str as bin":            {"\xa0", func(r *Reader) { r.Bin() }},
		"map as array":          {"\x80", func(r *Reader) { r.Array() }},
		"array as map":          {"\x90", func(r *Reader) { r.Map() }},
		"map as blob":           {"\x80", func(r *Reader) { r.Blob() }},
		"big numbers as blob":   {"\x91\xcd\x01\x00", func(r *Reader) { r.Blob() }},
		"arrays as blob":        {"\x91\x90", func(r *Reader) { r.Blob() }},
		"negatives as blob":     {"\x91\xff", func(r *Reader) { r.Blob() }},
		"unassigned first byte": {"\xc1", func(r *Reader) { r.Uint() }},
	}
	for name, tt := range tests {
		r := NewReader([]byte(tt.in))
		if tt.read(&r); !errors.Is(r.Err(), ErrType) {
			t.Errorf("%s: %v", name, r.Err())
		}
		if len(r.Rest()) != 0 || r.Kind() != KindEnd {
			t.Errorf("%s: reading goes on after an error", name)
		}
	}
}

func TestBlobsInEveryForm(t *testing.T) {
	for _, in := range []string{"\xc4\x03\x01\x02\xc8", "\xc5\x00\x03\x01\x02\xc8", "\xa3\x01\x02\xc8", "\xd9\x03\x01\x02\xc8", "\x93\x01\x02\xcc\xc8", "\x93\x01\xcd\x00\x02\xd1\x00\xc8", "\xdc\x00\x03\x01\x02\xcc\xc8"} {
		r := NewReader([]byte(in))
		if got := r.Blob(); !bytes.Equal(got, []byte{1, 2, 200}) || r.Err() != nil || len(r.Rest()) != 0 {
			t.Errorf("%x: %x, %v", in, got, r.Err())
		}
	}
}

// hostile announces far more than follows.
var hostile = map[string]string{
	"array of 2^32-1":     "\xdd\xff\xff\xff\xff",
	"map of 2^32-1":       "\xdf\xff\xff\xff\xff",
	"map of 2^31":         "\xdf\x80\x00\x00\x00",
	"array of 2^16-1":     "\xdc\xff\xff",
	"bin of 2^32-1":       "\xc6\xff\xff\xff\xff",
	"str of 2^32-1":       "\xdb\xff\xff\xff\xff",
	"extension of 2^32-1": "\xc9\xff\xff\xff\xff\x01",
}

func TestLengthLiesCostNothing(t *testing.T) {
	for name, in := range hostile {
		b := []byte(in + "padding")
		reads := map[string]func(*Reader){
			"skip": func(r *Reader) { r.Skip() }, "raw": func(r *Reader) { r.Raw() }, "blob": func(r *Reader) { r.Blob() },
			"map": func(r *Reader) { r.Map() }, "array": func(r *Reader) { r.Array() }, "str": func(r *Reader) { r.Str() }, "bin": func(r *Reader) { r.Bin() },
		}
		for read, f := range reads {
			r := NewReader(b)
			if f(&r); r.Err() == nil {
				t.Errorf("%s read by %s", name, read)
			}
		}
		if n := testing.AllocsPerRun(10, func() { r := NewReader(b); r.Skip() }); n != 0 {
			t.Errorf("%s: skipping it made %v allocations", name, n)
		}
	}
}

func TestArrayBlobAllocatesAtMostTheInput(t *testing.T) {
	r := NewReader([]byte("\xdd\x00\x00\x00\x04\x01\x02\x03\x04"))
	if got := r.Blob(); cap(got) > 8 {
		t.Errorf("%d bytes for 4", cap(got))
	}
}

func TestSkipPassesOverOneObject(t *testing.T) {
	for _, object := range []string{
		"\x00", "\xff", "\xc0", "\xc3", "\xcc\x80", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\xca\x00\x00\x00\x00", "\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
		"\xa3abc", "\xd9\x01a", "\xc4\x02ab", "\xd4\x01\x00", "\xc7\x02\x01ab", "\x80", "\x90", "\x82\xa1a\x90\xa1b\x81\x01\x02", "\x93\x01\x92\x02\x03\x04",
	} {
		r := NewReader([]byte(object + "\x07"))
		copied := r
		if raw := copied.Raw(); string(raw) != object || copied.Err() != nil {
			t.Errorf("%x: raw %x, %v", object, raw, copied.Err())
		}
		if r.Skip(); r.Uint() != 7 || r.Err() != nil {
			t.Errorf("%x: %v", object, r.Err())
		}
		for cut := range len(object) {
			r := NewReader([]byte(object[:cut]))
			if r.Skip(); !errors.Is(r.Err(), ErrTruncated) {
				t.Errorf("%x: %v", object[:cut], r.Err())
			}
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, container := range []string{"\x91", "\x81\x01"} {
		deepest := bytes.Repeat([]byte(container), maxDepth)
		r := NewReader(append(deepest, 0x05))
		if r.Skip(); r.Err() != nil {
			t.Errorf("%x: %v", container, r.Err())
		}
		r = NewReader(append(bytes.Repeat([]byte(container), maxDepth+1), 0x05))
		if r.Skip(); !errors.Is(r.Err(), ErrDepth) {
			t.Errorf("%x: %v", container, r.Err())
		}
	}
}

func TestFirstErrorStays(t *testing.T) {
	r := NewReader([]byte("\xa1x"))
	r.Uint()
	first := r.Err()
	r.Fail(ErrDepth)
	if r.Skip(); r.Err() != first {
		t.Errorf("%v became %v", first, r.Err())
	}
}

func TestWrittenObjectsAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, i := rapid.Uint64().Draw(t, "uint"), rapid.Int64().Draw(t, "int")
		s, p := rapid.String().Draw(t, "str"), rapid.SliceOf(rapid.Byte()).Draw(t, "bin")
		flag := rapid.Bool().Draw(t, "bool")
		b := AppendArray(nil, 7)
		b = AppendUint(b, u)
		b = AppendInt(b, i)
		b = AppendString(b, s)
		b = AppendBin(b, p)
		b = AppendBin(b, p)
		b = AppendBool(b, flag)
		b = AppendNil(AppendMap(b, 0))
		r := NewReader(b)
		if r.Array() != 7 || r.Uint() != u || r.Int() != i || string(r.Str()) != s || !bytes.Equal(r.Bin(), p) || !bytes.Equal(r.Blob(), p) || r.Bool() != flag || r.Map() != 0 {
			t.Fatalf("read something else: %v", r.Err())
		}
		if r.Kind() != KindNil {
			t.Fatalf("kind %d", r.Kind())
		}
		if r.Skip(); r.Err() != nil || r.Kind() != KindEnd {
			t.Fatalf("%v, kind %d", r.Err(), r.Kind())
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, in := range hostile {
		f.Add([]byte(in))
	}
	f.Add([]byte("\x82\xa1a\x93\x01\xc4\x01x\xc0\xa1b\xcb\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(bytes.Repeat([]byte{0x91}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		raw := r.Raw()
		if r.Err() == nil && !bytes.Equal(append(bytes.Clone(raw), r.Rest()...), b) {
			t.Fatal("an object and what follows are not the input")
		}
		for _, read := range []func(*Reader){
			func(r *Reader) { r.Map() }, func(r *Reader) { r.Array() }, func(r *Reader) { r.Uint() }, func(r *Reader) { r.Int() },
			func(r *Reader) { r.Bool() }, func(r *Reader) { r.Str() }, func(r *Reader) { r.Bin() }, func(r *Reader) { r.Blob() },
		} {
			r := NewReader(b)
			read(&r)
			err := r.Err()
			if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrType) {
				t.Fatalf("error of no kind: %v", err)
			}
			if err == nil && len(r.Rest()) >= len(b) {
				t.Fatal("read an object without moving on")
			}
		}
	})
}
