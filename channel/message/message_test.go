package message

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"rollcall/pidf"
)

// note is the example of peer spec 7, text a message as a daemon of 2026 sends it.
var (
	note     = Record{5, pidf.MIMEType, string(pidf.Append(nil, "Lunch"))}
	noteWire = "84" + "a26964" + "05" + "a174" + "b4" + hexa(pidf.MIMEType) + "a163" + "d9b2" +
		hexa(string(pidf.Append(nil, "Lunch"))) + "a3726571" + "c0"
	text     = Record{1 << 52, "text/plain", "hello"}
	textWire = "84" + "a26964" + "cf0010000000000000" + "a174" + "aa" + hexa("text/plain") + "a163" + "a5" +
		hexa("hello") + "a3726571" + "c0"
)

func hexa(s string) string { return hex.EncodeToString([]byte(s)) }

func bin(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestAppend(t *testing.T) {
	if got := hex.EncodeToString(note.Append(nil)); got != noteWire {
		t.Errorf("got\n%s\nwant\n%s", got, noteWire)
	}
	if got := hex.EncodeToString(text.Append([]byte{1})); got != "01"+textWire {
		t.Errorf("got\n%s\nwant\n01%s", got, textWire)
	}
	if n := len(text.Append(nil)); n != 39 {
		t.Errorf("text of %d bytes, want 39", n)
	}
}

// decode feeds stream in pieces and returns all records.
func decode(d *Decoder, stream []byte, piece int) (records []Record, err error) {
	for chunk := range slices.Chunk(stream, piece) {
		d.Feed(chunk)
		for {
			record, ok, err := d.Next()
			if err != nil {
				return records, err
			}
			if !ok {
				break
			}
			records = append(records, record)
		}
	}
	return records, nil
}

func TestDecoder(t *testing.T) {
	tests := []struct {
		name, wire string
		want       []Record
		err        error
	}{
		{"two", noteWire + textWire, []Record{note, text}, nil},
		{"part", noteWire + textWire[:20], []Record{note}, nil},
		{"first version", "83a174a178a163a179a3726571c0", []Record{{0, "x", "y"}}, nil},
		{"without req", "82a174a178a163a179", []Record{{0, "x", "y"}}, nil},
		{"a request", "82a163a179a372657182a161dc0001c0a162df00000001a163c0", []Record{{0, "", "y"}}, nil},
		{"other keys", "8301c0a17ac3a163a179", []Record{{0, "", "y"}}, nil},
		{"empty map", "80", []Record{{}}, nil},
		{"wrong types", "81a17405" + "81a26964ff" + "81a163c0" + "93010203" + "c0" + textWire, []Record{text}, nil},
		{"too deep", "81a178" + strings.Repeat("91", 20) + "c0" + textWire, []Record{text}, nil},
		{"no msgpack", noteWire + "c1" + textWire, []Record{note}, ErrFormat},
		{"no msgpack inside", "81a174c1", nil, ErrFormat},
		{"too many pairs", "df7fffffff", nil, ErrTooLong},
		{"too many elements", "ddffffffff", nil, ErrTooLong},
		{"too long", "81a163db00010000" + strings.Repeat("78", 1<<16), nil, ErrTooLong},
	}
	for _, tt := range tests {
		for _, piece := range []int{1, 5, 1 << 20} {
			t.Run(tt.name, func(t *testing.T) {
				var d Decoder
				got, err := decode(&d, bin(t, tt.wire), piece)
				if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
					t.Errorf("got %v, %v", got, err)
				}
				if err != nil {
					d.Feed(note.Append(nil))
					if _, ok, again := d.Next(); ok || again != err {
						t.Errorf("after the error: %v, %v", ok, again)
					}
				}
			})
		}
	}
}

func TestRoundTrip(t *testing.T) {
	record := rapid.Custom(func(t *rapid.T) Record {
		return Record{rapid.Uint64().Draw(t, "id"), rapid.String().Draw(t, "type"), rapid.String().Draw(t, "content")}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(record).Draw(t, "records")
		var stream []byte
		for _, r := range want {
			stream = r.Append(stream)
		}
		var d Decoder
		got, err := decode(&d, stream, rapid.IntRange(1, 100).Draw(t, "piece"))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	f.Add(bin(f, noteWire+textWire), 7)
	f.Add(bin(f, "81a178ddffffffff"), 1)
	f.Add(bytes.Repeat([]byte{0x91}, 40), 3)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		if piece < 1 || len(stream) > MaxRecord {
			return
		}
		var whole, pieces Decoder
		want, err := decode(&whole, stream, len(stream)+1)
		got, err2 := decode(&pieces, stream, piece)
		if !slices.Equal(got, want) || err != err2 {
			t.Errorf("whole: %v, %v; in pieces of %d: %v, %v", want, err, piece, got, err2)
		}
	})
}
