package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

var (
	testID    = infohash.SumString("sender")
	testKey   = infohash.SumString("key")
	testToken = bytes.Repeat([]byte{7}, 32)
)

// object is a MessagePack object in the making: nil, bool, int, uint64, string,
// []byte (bin), packed, dict (map in the given order) or []any (array).
type (
	object = any
	dict   []any // key, value, key, value...
	packed []byte
)

func pack(v object) []byte { return appendObject(nil, v) }

func appendObject(b []byte, v object) []byte {
	switch v := v.(type) {
	case nil:
		return msgpack.AppendNil(b)
	case bool:
		return msgpack.AppendBool(b, v)
	case int:
		return msgpack.AppendInt(b, int64(v))
	case uint64:
		return msgpack.AppendUint(b, v)
	case string:
		return msgpack.AppendString(b, v)
	case []byte:
		return msgpack.AppendBin(b, v)
	case packed:
		return append(b, v...)
	case infohash.Hash:
		return msgpack.AppendBin(b, v[:])
	case dict:
		b = msgpack.AppendMap(b, len(v)/2)
		for _, x := range v {
			b = appendObject(b, x)
		}
		return b
	case []any:
		b = msgpack.AppendArray(b, len(v))
		for _, x := range v {
			b = appendObject(b, x)
		}
		return b
	}
	panic("no such object")
}

// numbersOf is b as an array of numbers, a form of bytes that peers accept.
func numbersOf(b []byte) []any {
	var all []any
	for _, c := range b {
		all = append(all, int(c))
	}
	return all
}

func TestParseTolerates(t *testing.T) {
	id := testID
	ping := Message{Kind: Request, Method: Ping, TID: 5, ID: id}
	listen := Message{Kind: Request, Method: Listen, ID: id, Key: testKey, SID: 0x01020304, Version: 1}
	tests := []struct {
		name string
		in   object
		want Message
	}{
		{"no y, no v", dict{"a", dict{"id", id}, "q", "ping", "t", 5}, ping},
		{"any order", dict{"t", 5, "y", "q", "q", "ping", "a", dict{"id", id}}, ping},
		{"unknown keys", dict{
			"x",
			dict{"a", nil},
			7, 8, []byte("q"), "find", nil, nil, "aa", true,
			"a",
			dict{"id", id, "none", []any{1, 2}, 3, 4, []byte("id"), 5},
			"q", "ping", "t", 5,
		}, ping},
		{"bytes after the map", packed(append(pack(dict{"a", dict{"id", id}, "q", "ping", "t", 5}), "junk"...)), ping},
		{"id as str", dict{"a", dict{"id", string(id[:])}, "q", "ping", "t", 5}, ping},
		{"id as array", dict{"a", dict{"id", numbersOf(id[:])}, "q", "ping", "t", 5}, ping},
		{"t as bin", dict{"a", dict{"id", id}, "q", "ping", "t", []byte{0, 0, 0, 5}}, ping},
		{"t as str", dict{"a", dict{"id", id}, "q", "ping", "t", "\x00\x00\x00\x05"}, ping},
		{"t as signed integer", dict{"a", dict{"id", id}, "q", "ping", "t", packed{0xd3, 0, 0, 0, 0, 0, 0, 0, 5}}, ping},
		{"t as wide integer", dict{"a", dict{"id", id}, "q", "ping", "t", packed{0xcf, 0, 0, 0, 0, 0, 0, 0, 5}}, ping},
		{"no t", dict{"a", dict{"id", id}, "q", "ping"}, Message{Kind: Request, Method: Ping, ID: id}},
		{"s false", dict{"a", dict{"id", id}, "q", "ping", "t", 5, "s", false}, ping},
		{
			"largest t and n",
			dict{"a", dict{"id", id}, "q", "ping", "t", math.MaxUint32, "n", math.MaxUint32},
			Message{Kind: Request, Method: Ping, TID: math.MaxUint32, Network: math.MaxUint32, ID: id},
		},
		{"sid as bin", dict{"a", dict{"id", id, "h", testKey, "sid", []byte{1, 2, 3, 4}, "ve", 1}, "q", "listen"}, listen},
		{"sid as str", dict{"a", dict{"id", id, "h", testKey, "sid", "\x01\x02\x03\x04", "ve", 1}, "q", "listen"}, listen},
		{
			"token too long",
			dict{"a", dict{"id", id, "h", testKey, "token", make([]byte, 65)}, "q", "refresh"},
			Message{Kind: Request, Method: Refresh, ID: id, Key: testKey},
		},
		{
			"longest token",
			dict{"a", dict{"id", id, "h", testKey, "token", make([]byte, 64)}, "q", "refresh"},
			Message{Kind: Request, Method: Refresh, ID: id, Key: testKey, Token: make([]byte, 64)},
		},
		{"get without a key", dict{"a", dict{"id", id, "target", testKey}, "q", "get"}, Message{Kind: Request, Method: Get, ID: id}},
		{"find without a target", dict{"a", dict{"id", id, "h", testKey}, "q", "find"}, Message{Kind: Request, Method: Find, ID: id}},
		{
			"no families",
			dict{"a", dict{"id", id, "w", []any{}}, "q", "find"},
			Message{Kind: Request, Method: Find, ID: id, Want: WantGiven},
		},
		{
			"unknown family",
			dict{"a", dict{"id", id, "w", []any{30, 10}}, "q", "find"},
			Message{Kind: Request, Method: Find, ID: id, Want: WantGiven | WantIPv6},
		},
		{"reply without an address", dict{"r", dict{"id", id}}, Message{Kind: Reply, ID: id}},
		{
			"mapped address",
			dict{"r", dict{"id", id, "sa", append(make([]byte, 10), 255, 255, 1, 2, 3, 4)}},
			Message{Kind: Reply, ID: id, Addr: netip.MustParseAddr("1.2.3.4")},
		},
		{"address of another length", dict{"r", dict{"id", id, "sa", []byte{1}}}, Message{Kind: Reply, ID: id}},
		{
			"created before 1970",
			dict{"a", dict{"id", id, "h", testKey, "c", -1}, "q", "put"},
			Message{Kind: Request, Method: Put, ID: id, Key: testKey, Created: -1, HasCreated: true},
		},
		{
			"values and sizes",
			dict{"a", dict{"id", id, "values", []any{dict{"id", 1}, 700, "odd", uint64(math.MaxUint64)}}, "q", "put"},
			Message{Kind: Request, Method: Put, ID: id, Values: []Value{
				{Raw: pack(dict{"id", 1})}, {Size: 700}, {Raw: pack("odd")}, {Size: math.MaxInt32},
			}},
		},
		{
			"push of version 0",
			dict{"u", dict{"id", id, "token", testToken, "exp", []any{3, uint64(math.MaxUint64)}}, "y", "r", "t", 9},
			Message{Kind: Push, TID: 9, ID: id, Token: testToken, Expired: []uint64{3, math.MaxUint64}},
		},
		{
			"parts with gaps",
			dict{"p", dict{1, dict{"o", 3, "d", "abc"}, "x", 1, 2, dict{"o", 1}, 3, dict{"d", "x"}, 4, dict{"o", 0, "d", ""}}},
			Message{Kind: Part, Parts: []Slice{{Index: 1, Offset: 3, Data: []byte("abc")}}},
		},
		{
			"error wins",
			dict{"r", dict{"id", id}, "p", 1, "u", 2, "q", "ping", "e", []any{401, "no"}},
			Message{Kind: Error, ID: id, Code: CodeUnauthorized, Text: []byte("no")},
		},
		{"then reply", dict{"q", "ping", "a", 3, "p", 1, "u", 2, "r", dict{"id", id}}, Message{Kind: Reply, ID: id}},
		{"then part", dict{"q", "ping", "u", 2, "p", dict{}}, Message{Kind: Part}},
		{"then push", dict{"q", "ping", "u", dict{"id", id}}, Message{Kind: Push, ID: id}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := stale(t)
			if err := m.Parse(pack(tt.in)); err != nil {
				t.Fatal(err)
			}
			if got := normal(m); !reflect.DeepEqual(got, normal(&tt.want)) {
				t.Errorf("\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// stale returns a Message that has been used for others before.
func stale(tb testing.TB) *Message {
	m := new(Message)
	for _, p := range readPackets(tb) {
		if !p.discovery() {
			if err := m.Parse(p.bytes(tb)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return m
}

// normal is a copy of m in which empty slices are nil.
func normal(m *Message) Message {
	n := *m
	n.blobs = nil
	n.Values = append([]Value(nil), m.Values...)
	n.Parts = append([]Slice(nil), m.Parts...)
	n.Refreshed = append([]uint64(nil), m.Refreshed...)
	n.Expired = append([]uint64(nil), m.Expired...)
	for _, p := range []*[]byte{&n.Token, &n.Text, &n.Nodes4, &n.Nodes6} {
		*p = append([]byte(nil), *p...)
	}
	return n
}

func TestParseRejects(t *testing.T) {
	id := testID
	arg := func(key string, v object) object { return dict{"a", dict{"id", id, key, v}, "q", "put", "t", 1} }
	tests := []struct {
		name string
		in   object
	}{
		{"nothing", packed{}},
		{"no map", []any{1, 2}},
		{"a number", 5},
		{"an empty map", dict{}},
		{"keys of bin", dict{[]byte("a"), dict{"id", id}, []byte("q"), "ping"}},
		{"no arguments", dict{"q", "ping", "t", 1}},
		{"no method", dict{"a", dict{"id", id}, "t", 1}},
		{"an unknown method", dict{"a", dict{"id", id}, "q", "pong"}},
		{"a request of another type", dict{"a", dict{"id", id}, "q", "ping", "y", "r"}},
		{"no id", dict{"a", dict{}, "q", "ping"}},
		{"a zero id", dict{"a", dict{"id", make([]byte, 20)}, "q", "ping"}},
		{"a short id", dict{"a", dict{"id", make([]byte, 19)}, "q", "ping"}},
		{"a long id", dict{"a", dict{"id", bytes.Repeat([]byte{1}, 21)}, "q", "ping"}},
		{"an error without an id", dict{"e", []any{401, "no"}, "r", dict{}}},
		{"an error without a body", dict{"e", []any{401, "no"}}},
		{"an error without a text", dict{"e", []any{401}, "r", dict{"id", id}}},
		{"an error that is no array", dict{"e", 401, "r", dict{"id", id}}},
		{"a reply that is no map", dict{"r", 1}},
		{"parts that are no map", dict{"p", 1}},
		{"t of 33 bits", dict{"a", dict{"id", id}, "q", "ping", "t", 1 << 32}},
		{"negative t", dict{"a", dict{"id", id}, "q", "ping", "t", -1}},
		{"t of three bytes", dict{"a", dict{"id", id}, "q", "ping", "t", []byte{1, 2, 3}}},
		{"n of 33 bits", dict{"a", dict{"id", id}, "q", "ping", "n", 1 << 32}},
		{"n of another type", dict{"a", dict{"id", id}, "q", "ping", "n", "7"}},
		{"s of another type", dict{"a", dict{"id", id}, "q", "ping", "s", 1}},
		{"v of another type", dict{"a", dict{"id", id}, "q", "ping", "v", 1}},
		{"y of another type", dict{"a", dict{"id", id}, "q", "ping", "y", 1}},
		{"q of another type", dict{"a", dict{"id", id}, "q", []byte("ping")}},
		{"h of another type", arg("h", 1)},
		{"h of another length", arg("h", make([]byte, 32))},
		{"target of another length", arg("target", []byte{1})},
		{"token of another type", arg("token", 1)},
		{"token of large numbers", arg("token", []any{256})},
		{"values of another type", arg("values", dict{})},
		{"a negative size", arg("values", []any{-1})},
		{"vid of another type", arg("vid", "1")},
		{"a negative vid", arg("vid", -1)},
		{"c of another type", arg("c", "1")},
		{"sid of 33 bits", arg("sid", 1<<32)},
		{"ve of 33 bits", arg("ve", 1<<32)},
		{"w of another type", arg("w", 2)},
		{"w of strings", arg("w", []any{"2"})},
		{"query of another type", arg("q", []any{})},
		{"fields of another type", arg("fileds", []any{})},
		{"ids of another type", arg("re", 1)},
		{"ids of strings", arg("exp", []any{"1"})},
		{"25 bytes of nodes", dict{"r", dict{"id", id, "n4", make([]byte, 25)}}},
		{"39 bytes of nodes", dict{"r", dict{"id", id, "n6", make([]byte, 39)}}},
		{"an address of another type", dict{"r", dict{"id", id, "sa", 1}}},
		{"more pairs than bytes", packed{0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 'q'}},
		{"more values than bytes", arg("values", packed{0xdd, 0xff, 0xff, 0xff, 0xff})},
		{"deep nesting", arg("x", packed(append(bytes.Repeat([]byte{0x91}, 60), 1)))},
		{"a part of 33 bits", dict{"p", dict{1 << 32, dict{"o", 0, "d", "x"}}}},
		{"an offset of 33 bits", dict{"p", dict{0, dict{"o", 1 << 32, "d", "x"}}}},
		{"a part that is no map", dict{"p", dict{0, "x"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m Message
			if err := m.Parse(pack(tt.in)); !errors.Is(err, ErrMalformed) {
				t.Errorf("error %v, want ErrMalformed", err)
			}
		})
	}
}

func TestParseTruncated(t *testing.T) {
	var m Message
	for _, p := range readPackets(t) {
		if p.discovery() {
			continue
		}
		for in := p.bytes(t); len(in) > 0; {
			in = in[:len(in)-1]
			if err := m.Parse(in); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%s cut to %d bytes: error %v", p.Kind, len(in), err)
			}
		}
	}
}

// hostile are datagrams that a flood may consist of.
func hostile() [][]byte {
	blobs := make([]any, 64)
	for i := range blobs {
		blobs[i] = 255
	}
	return [][]byte{
		nil,
		pack(dict{"a", 1, "q", "ping"}),
		pack(dict{"a", dict{"id", numbersOf(testID[:]), "token", blobs}, "q", "ping"}),
		pack(dict{"a", dict{"id", testID, "token", -5}, "q", "ping"}),
		pack(dict{"a", dict{"id", testID, "vid", "x"}, "q", "ping"}),
		pack(dict{"a", dict{"id", testID}, "q", "none"}),
		pack(dict{"e", []any{1}}),
	}
}

func TestParseDoesNotAllocate(t *testing.T) {
	inputs := hostile()
	for _, p := range readPackets(t) {
		inputs = append(inputs, p.bytes(t))
	}
	m := stale(t)
	m.blobs = make([]byte, 0, 256)
	for _, in := range inputs {
		if n := testing.AllocsPerRun(100, func() { _ = m.Parse(in) }); n != 0 {
			t.Errorf("%v allocations for %x", n, in)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 4096)
	for _, p := range readPackets(t) {
		if p.discovery() || strings.HasPrefix(p.Kind, "error 404") { // its text is too long
			continue
		}
		var m Message
		if err := m.Parse(p.bytes(t)); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { buf = m.Append(buf[:0]) }); n != 0 {
			t.Errorf("%v allocations for %s", n, p.Kind)
		}
	}
	m := Message{Nodes4: bytes.Repeat([]byte{1}, 8*nodeSize4), Nodes6: bytes.Repeat([]byte{1}, 8*nodeSize6)}
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		for id, addr := range m.Nodes() {
			sum += int(id[0]) + int(addr.Port())
		}
	}); n != 0 {
		t.Errorf("%v allocations for the nodes", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, p := range readPackets(f) {
		f.Add(p.bytes(f))
	}
	for _, in := range hostile() {
		f.Add(in)
	}
	f.Add(binary.BigEndian.AppendUint32([]byte{0xdf}, math.MaxUint32))
	f.Fuzz(func(t *testing.T, in []byte) {
		var m, again Message
		before := slices.Clone(in)
		if err := m.Parse(in); err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error %v", err)
			}
			return
		}
		for range m.Nodes() {
		}
		out := m.Append(nil)
		if !bytes.Equal(in, before) {
			t.Fatal("input changed")
		}
		if err := again.Parse(out); err != nil {
			t.Fatalf("%x became %x: %v", in, out, err)
		}
		if twice := again.Append(nil); !bytes.Equal(out, twice) {
			t.Fatalf("%x became %x, then %x", in, out, twice)
		}
	})
}
