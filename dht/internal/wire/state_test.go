package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// stateFile is a state file of testdata with what is in it.
type stateFile struct {
	Hex   string `json:"file_hex"`
	ID    string
	Nodes []struct {
		ID   string
		Addr string `json:"addr_hex"`
	}
	Keys []string
}

func readStates(tb testing.TB) map[string]stateFile {
	var all map[string]stateFile
	readJSON(tb, "state.json", &all)
	if len(all) != 2 {
		tb.Fatalf("%d state files, want 2", len(all))
	}
	return all
}

func TestStateFilesOfPeers(t *testing.T) {
	for version, file := range readStates(t) {
		t.Run(version, func(t *testing.T) {
			s, err := ParseState(unhex(t, file.Hex))
			if err != nil {
				t.Fatal(err)
			}
			if s.ID.String() != file.ID || len(s.Nodes) != len(file.Nodes) {
				t.Fatalf("id %v, %d nodes", s.ID, len(s.Nodes))
			}
			for i, n := range file.Nodes {
				addr, ok := parseSockaddr(unhex(t, n.Addr))
				if got := s.Nodes[i]; !ok || got.ID.String() != n.ID || got.Addr != addr || addr.Port() != 4222 {
					t.Errorf("node %d: %+v, want %+v", i, got, n)
				}
			}
			var keys []string
			for i, v := range s.Values {
				if i == 0 || v.Key != s.Values[i-1].Key {
					keys = append(keys, v.Key.String())
				}
				timed := version == "4.3.0"
				if v.Created.IsZero() == timed || v.Expires.IsZero() == timed {
					t.Errorf("value %d: created %v, expires %v", i, v.Created, v.Expires)
				}
				if timed && (v.Created.Year() != 2026 || v.Expires.Before(v.Created)) {
					t.Errorf("value %d: created %v, expires %v", i, v.Created, v.Expires)
				}
				if !bytes.HasPrefix(v.Packed, []byte("\x82\xa2id")) {
					t.Errorf("value %d is %x", i, v.Packed)
				}
			}
			if !reflect.DeepEqual(keys, file.Keys) {
				t.Errorf("keys %v, want %v", keys, file.Keys)
			}
		})
	}
}

func TestStateAppendAgain(t *testing.T) {
	want := unhex(t, readStates(t)["4.3.0"].Hex)
	s, err := ParseState(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("\n got %x\nwant %x", got, want)
	}
}

// Whatever is damaged in a file, the rest of it is of use.
func TestStateDamaged(t *testing.T) {
	node := dict{"id", testID, "addr", appendSockaddr(nil, netip.MustParseAddrPort("10.0.0.1:4222"))}
	stored := func(v ...any) []byte { return pack([]any{v, []any{5, dict{"id", 2}}}) }
	tests := []struct {
		name          string
		in            []byte
		nodes, values int
		whole         bool
	}{
		{"empty", nil, 0, 0, false},
		{"zeros", make([]byte, 100), 0, 0, false},
		{"no map", pack("x"), 0, 0, false},
		{"unknown keys", pack(dict{"x", 1, "nodes", []any{node}}), 1, 0, true},
		{"node without id", pack(dict{"nodes", []any{dict{"addr", []byte{}}, node}}), 1, 0, true},
		{"node without address", pack(dict{"nodes", []any{dict{"id", testID}, node}}), 1, 0, true},
		{"node that is no map", pack(dict{"nodes", []any{7, node}}), 1, 0, true},
		{"value that is no array", pack(dict{"values", []any{7, []any{testKey, stored(1, dict{})}}}), 0, 2, true},
		{"value without content", pack(dict{"values", []any{[]any{testKey, stored(1)}}}), 0, 1, true},
		{"value under a short key", pack(dict{"values", []any{[]any{[]byte("k"), stored(1, 2)}}}), 0, 0, true},
		{"torn", pack(dict{"nodes", []any{node}, "values", packed{}}), 1, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ParseState(tt.in)
			if (err == nil) != tt.whole || err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v", err)
			}
			if len(s.Nodes) != tt.nodes || len(s.Values) != tt.values {
				t.Errorf("%d nodes, %d values; want %d, %d", len(s.Nodes), len(s.Values), tt.nodes, tt.values)
			}
		})
	}
}

func TestStateSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := State{ID: drawHash(t, "id")}
		for range rapid.IntRange(0, 5).Draw(t, "nodes") {
			want.Nodes = append(want.Nodes, Node{drawHash(t, "node"), drawAddrPort(t)})
		}
		for range rapid.IntRange(0, 5).Draw(t, "keys") {
			key := drawHash(t, "key")
			for range rapid.IntRange(1, 3).Draw(t, "values") {
				v := StoredValue{Key: key, Packed: pack(dict{"id", rapid.Uint64().Draw(t, "vid")}), Created: drawTime(t)}
				if rapid.Bool().Draw(t, "complete") {
					v.Expires, v.From = drawTime(t), drawAddrPort(t)
				}
				want.Values = append(want.Values, v)
			}
		}
		got, err := ParseState(want.Append(nil))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Fatalf("error %v\n got %+v\nwant %+v", err, got, want)
		}
	})
}

func drawAddrPort(t *rapid.T) netip.AddrPort {
	return netip.AddrPortFrom(drawAddr(t), rapid.Uint16().Draw(t, "port"))
}

func drawTime(t *rapid.T) time.Time {
	sec := rapid.Int64Range(-1<<36, 1<<36).Filter(func(s int64) bool { return s != 0 }).Draw(t, "seconds")
	return time.Unix(sec, rapid.SampledFrom([]int64{0, 1, 999_999_999}).Draw(t, "nanoseconds"))
}

func TestTimesOutOfRange(t *testing.T) {
	for _, in := range [][]byte{
		nil,
		{fixext4, timestampType, 0, 0, 0},
		{fixext4, 1, 0, 0, 0, 1},
		{fixext8, timestampType, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		{ext8, 12, timestampType, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{ext8, 11, timestampType, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		if got, ok := parseTime(in); ok || !got.IsZero() {
			t.Errorf("%x is %v, want no time", in, got)
		}
	}
}

func FuzzParseState(f *testing.F) {
	for _, file := range readStates(f) {
		f.Add(unhex(f, file.Hex))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ParseState(in)
		if s == nil || err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("state %v, error %v", s, err)
		}
		out := s.Append(nil)
		again, err := ParseState(out)
		if err != nil || !bytes.Equal(again.Append(nil), out) {
			t.Fatalf("error %v; %x does not survive", err, out)
		}
	})
}
