package wire

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// exchange is one split message of testdata with its parts.
type exchange struct {
	Name      string
	Datagrams []struct{ Kind, Hex string }
}

func TestSplitMessagesOfPeers(t *testing.T) {
	var all []exchange
	readJSON(t, "parts.json", &all)
	for _, x := range all {
		t.Run(x.Name, func(t *testing.T) {
			var header Message
			var value []byte
			var parts [][]byte
			for _, d := range x.Datagrams {
				in := unhex(t, d.Hex)
				var m Message
				if err := m.Parse(in); err != nil {
					t.Fatal(err)
				}
				switch {
				case m.Kind == Part:
					if len(m.Parts) != 1 || m.Parts[0].Offset != len(value) || m.TID != header.TID {
						t.Fatalf("part %+v after %d bytes", m.Parts, len(value))
					}
					value = append(value, m.Parts[0].Data...)
					parts = append(parts, in)
				case m.Split():
					header = m
				}
			}
			if len(header.Values) != 1 || header.Values[0].Size != len(value) {
				t.Fatalf("header announces %+v, parts have %d bytes", header.Values, len(value))
			}
			if !header.SetValues([][]byte{value}) {
				t.Fatal("a large value stayed in the message")
			}
			i := 0
			for s := range Slices([][]byte{value}) {
				if got := header.AppendPart(nil, s); i >= len(parts) || !bytes.Equal(got, parts[i]) {
					t.Errorf("part %d differs", i)
				}
				i++
			}
			if i != len(parts) {
				t.Errorf("%d parts, want %d", i, len(parts))
			}
		})
	}
}

func TestSetValues(t *testing.T) {
	value := func(n int) []byte { return pack(make([]byte, n-2)) }
	tests := []struct {
		name  string
		in    [][]byte
		split bool
	}{
		{"none", nil, false},
		{"49 small ones", slices.Repeat([][]byte{value(12)}, 49), false},
		{"50 small ones", slices.Repeat([][]byte{value(11)}, 50), true},
		{"599 bytes", [][]byte{value(200), value(200), value(199)}, false},
		{"600 bytes", [][]byte{value(200), value(200), value(200)}, true},
		{"one of 599 bytes", [][]byte{append(value(200), make([]byte, 399)...)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Message{Values: []Value{{Size: 1}}}
			if split := m.SetValues(tt.in); split != tt.split || m.Split() != tt.split {
				t.Errorf("split = %v, message says %v; want %v", split, m.Split(), tt.split)
			}
			for i, v := range m.Values {
				if tt.split && v.Size != len(tt.in[i]) || !tt.split && !bytes.Equal(v.Raw, tt.in[i]) {
					t.Errorf("value %d: %+v", i, v)
				}
			}
			if len(m.Values) != len(tt.in) {
				t.Errorf("%d values, want %d", len(m.Values), len(tt.in))
			}
		})
	}
}

func TestSlicesCoverValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var values [][]byte
		for i, n := range rapid.SliceOfN(rapid.IntRange(0, 5000), 0, 8).Draw(t, "sizes") {
			values = append(values, bytes.Repeat([]byte{byte(i)}, n))
		}
		got := make([][]byte, len(values))
		for s := range Slices(values) {
			if s.Offset != len(got[s.Index]) || len(s.Data) == 0 || len(s.Data) > 1280 {
				t.Fatalf("slice %d at %d of %d bytes", s.Index, s.Offset, len(s.Data))
			}
			if rest := len(values[s.Index]) - s.Offset; len(s.Data) != min(1280, rest) {
				t.Fatalf("slice of %d bytes where %d remain", len(s.Data), rest)
			}
			got[s.Index] = append(got[s.Index], s.Data...)
		}
		for i := range values {
			if !bytes.Equal(got[i], values[i]) {
				t.Fatalf("value %d differs", i)
			}
		}
	})
}

func TestBatches(t *testing.T) {
	const kib = 1 << 10
	tests := []struct {
		sizes []int
		want  string
	}{
		{nil, "[]"},
		{[]int{1}, "[1]"},
		{[]int{10 * kib, 45 * kib, kib, kib}, "[3 1]"},
		{[]int{64 * kib, 64 * kib}, "[1 1]"},
		{[]int{55 * kib, 64 * kib, 1}, "[2 1]"},
	}
	for _, tt := range tests {
		var values [][]byte
		for _, n := range tt.sizes {
			values = append(values, make([]byte, n))
		}
		got := []int{}
		for batch := range Batches(values) {
			got = append(got, len(batch))
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("batches of %v have %v values, want %s", tt.sizes, got, tt.want)
		}
	}
}
