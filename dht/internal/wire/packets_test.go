package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"rollcall/internal/msgpack"
)

func TestPacketsParse(t *testing.T) {
	for _, p := range readPackets(t) {
		if p.discovery() {
			continue
		}
		t.Run(p.Kind+" "+p.Version, func(t *testing.T) {
			var m Message
			if err := m.Parse(p.bytes(t)); err != nil {
				t.Fatal(err)
			}
			var want any
			d := json.NewDecoder(bytes.NewReader(p.Decoded))
			d.UseNumber()
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
			if got := describe(t, &m); !reflect.DeepEqual(got, dropAgent(want)) {
				t.Errorf("\n got %v\nwant %v", got, want)
			}
		})
	}
}

func TestPacketsAppendAgain(t *testing.T) {
	for _, p := range readPackets(t) {
		if p.discovery() {
			continue
		}
		t.Run(p.Kind+" "+p.Version, func(t *testing.T) {
			in := p.bytes(t)
			var m Message
			if err := m.Parse(in); err != nil {
				t.Fatal(err)
			}
			got, want := m.Append(nil), ourAgent(in)
			// OpenDHT writes the top level of these in another order than elsewhere.
			if p.Kind == "u" || p.Kind == "q:update:re" || p.Kind == "q:update:exp" {
				if g, w := unpack(t, got), unpack(t, want); !reflect.DeepEqual(g, w) {
					t.Errorf("\n got %v\nwant %v", g, w)
				}
			} else if !bytes.Equal(got, want) {
				t.Errorf("\n got %x\nwant %x", got, want)
			}
		})
	}
}

func dropAgent(packet any) any {
	delete(packet.(map[string]any), "v")
	return packet
}

// describe renders m in the form of the decoded packets of testdata.
func describe(t *testing.T, m *Message) map[string]any {
	body := map[string]any{}
	top := map[string]any{"t": number(m.TID)}
	if m.Kind != Part {
		body["id"] = blob(m.ID[:])
	}
	switch m.Kind {
	case Request:
		top["y"], top["a"], top["q"] = "q", body, strings.ToLower(methodNames[m.Method])
	case Reply:
		top["y"], top["r"] = "r", body
	case Error:
		top["y"], top["r"], top["e"] = "e", body, []any{number(m.Code), string(m.Text)}
	case Push:
		top["y"], top["u"] = "r", body
	case Part:
		parts := map[string]any{}
		for _, s := range m.Parts {
			parts[string(number(s.Index))] = map[string]any{"o": number(s.Offset), "d": blob(s.Data)}
		}
		top["y"], top["p"] = "p", parts
	default:
		t.Fatalf("kind %d", m.Kind)
	}
	set := func(into map[string]any, key string, present bool, v any) {
		if present {
			into[key] = v
		}
	}
	keyName := "h"
	if m.Method == Find {
		keyName = "target"
	}
	set(top, "n", m.Network != 0, number(m.Network))
	set(top, "s", m.Client, true)
	set(body, keyName, !m.Key.IsZero(), blob(m.Key[:]))
	set(body, "w", m.Want == WantGiven|WantIPv4|WantIPv6, []any{number(2), number(10)})
	set(body, "sid", m.SID != 0, number(m.SID))
	set(body, "ve", m.Version != 0, number(m.Version))
	set(body, "token", m.Token != nil, blob(m.Token))
	set(body, "vid", m.VID != 0, number(m.VID))
	set(body, "c", m.HasCreated, number(m.Created))
	set(body, "n4", m.Nodes4 != nil, blob(m.Nodes4))
	set(body, "n6", m.Nodes6 != nil, blob(m.Nodes6))
	set(body, "sa", m.Addr.IsValid(), blob(m.Addr.AsSlice()))
	set(body, "re", len(m.Refreshed) > 0, numbers(m.Refreshed))
	set(body, "exp", len(m.Expired) > 0, numbers(m.Expired))
	if m.Query != nil {
		body["q"] = unpack(t, m.Query)
	}
	if m.Fields != nil {
		body["fileds"] = unpack(t, m.Fields)
	}
	if len(m.Values) > 0 {
		var values []any
		for _, v := range m.Values {
			if v.Raw != nil {
				values = append(values, unpack(t, v.Raw))
			} else {
				values = append(values, number(v.Size))
			}
		}
		body["values"] = values
	}
	return top
}

func blob(b []byte) any { return map[string]any{"bin": hex.EncodeToString(b)} }

func number(v any) json.Number {
	text, _ := json.Marshal(v)
	return json.Number(text)
}

func numbers(ids []uint64) []any {
	var all []any
	for _, id := range ids {
		all = append(all, number(id))
	}
	return all
}

// unpack decodes one object into the form of the decoded packets of testdata.
func unpack(t *testing.T, b []byte) any {
	r := msgpack.NewReader(b)
	v := unpackNext(&r)
	if r.Err() != nil {
		t.Fatalf("unpack %x: %v", b, r.Err())
	}
	return v
}

func unpackNext(r *msgpack.Reader) any {
	switch r.Kind() {
	case msgpack.KindMap:
		all := map[string]any{}
		for range r.Map() {
			var key string
			if r.Kind() == msgpack.KindInt {
				key = string(number(r.Uint()))
			} else {
				key = string(r.Str())
			}
			all[key] = unpackNext(r)
		}
		return all
	case msgpack.KindArray:
		all := []any{}
		for range r.Array() {
			all = append(all, unpackNext(r))
		}
		return all
	case msgpack.KindInt:
		return number(r.Int())
	case msgpack.KindBool:
		return r.Bool()
	case msgpack.KindBin:
		return blob(r.Bin())
	default:
		return string(r.Str())
	}
}

func TestNodes(t *testing.T) {
	var m Message
	for _, p := range readPackets(t) {
		if p.Kind == "r:id+sa+n4+n6+token" && p.Version == "4.3.0" {
			if err := m.Parse(p.bytes(t)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	var n4, n6 []byte
	for id, addr := range m.Nodes() {
		got = append(got, id.Short()+" "+addr.String())
		if addr.Addr().Is4() {
			n4 = AppendNode(n4, id, addr)
		} else {
			n6 = AppendNode(n6, id, addr)
		}
	}
	if len(got) != 2 || !bytes.Equal(n4, m.Nodes4) || !bytes.Equal(n6, m.Nodes6) {
		t.Errorf("nodes %v", got)
	}
	m = Message{Nodes4: make([]byte, 20*nodeSize4), Nodes6: make([]byte, 3*nodeSize6)}
	n := 0
	for range m.Nodes() {
		n++
	}
	if n != MaxNodes+3 {
		t.Errorf("%d nodes, want %d of IPv4 and 3 of IPv6", n, MaxNodes)
	}
}

func TestWant(t *testing.T) {
	ip4, ip6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")
	tests := []struct {
		want     Want
		from     netip.Addr
		is4, is6 bool
	}{
		{0, ip4, true, false},
		{0, netip.MustParseAddr("::ffff:10.0.0.1"), true, false},
		{0, ip6, false, true},
		{WantGiven, ip4, false, false},
		{WantGiven | WantIPv6, ip4, false, true},
		{WantGiven | WantIPv4 | WantIPv6, ip6, true, true},
	}
	for _, tt := range tests {
		if is4, is6 := tt.want.Families(tt.from); is4 != tt.is4 || is6 != tt.is6 {
			t.Errorf("Want %b from %v = %v, %v", tt.want, tt.from, is4, is6)
		}
	}
}
