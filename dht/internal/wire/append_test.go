package wire

import (
	"net/netip"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
)

// TestMessagesSurvive draws messages as this program sends them, and expects
// that what is parsed equals what was appended.
func TestMessagesSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawMessage(t)
		var m Message
		if err := m.Parse(want.Append([]byte("before"))[len("before"):]); err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		if got := normal(&m); !reflect.DeepEqual(got, normal(&want)) {
			t.Fatalf("\n got %+v\nwant %+v", got, want)
		}
	})
}

func drawMessage(t *rapid.T) Message {
	m := Message{
		Kind:    Kind(rapid.IntRange(int(Request), int(Part)).Draw(t, "kind")),
		TID:     rapid.Uint32().Draw(t, "tid"),
		Network: rapid.Uint32().Draw(t, "network"),
		Client:  rapid.Bool().Draw(t, "client"),
	}
	if m.Kind == Part {
		m.Parts = drawParts(t)
		return m
	}
	m.ID = drawHash(t, "id")
	switch m.Kind {
	case Request:
		m.Method = Method(rapid.IntRange(int(Ping), int(Update)).Draw(t, "method"))
		drawArgs(t, &m)
	case Reply:
		m.Token = drawToken(t)
		m.VID = rapid.Uint64().Draw(t, "vid")
		m.Addr = drawAddr(t)
		m.Nodes4 = make([]byte, nodeSize4*rapid.IntRange(0, 8).Draw(t, "nodes"))
		m.Nodes6 = make([]byte, nodeSize6*rapid.IntRange(0, 8).Draw(t, "nodes"))
		m.Values = drawValues(t)
		if rapid.Bool().Draw(t, "fields") {
			m.Fields = pack(dict{"f", []any{1}, "v", []any{5, 6}})
		}
	case Error:
		m.Code = rapid.Uint16().Draw(t, "code")
		m.Text = []byte(rapid.String().Draw(t, "text"))
	case Push:
		m.Token = drawToken(t)
		m.Refreshed, m.Expired = drawIDs(t), drawIDs(t)
	}
	return m
}

func drawArgs(t *rapid.T, m *Message) {
	if m.Method != Ping {
		m.Key = drawHash(t, "key")
	}
	if (m.Method == Get || m.Method == Listen) && rapid.Bool().Draw(t, "query") {
		m.Query = pack(dict{"s", []any{1}, "w", []any{}})
	}
	switch m.Method {
	case Find, Get:
		m.Want = rapid.SampledFrom([]Want{
			0, WantGiven, WantGiven | WantIPv4, WantGiven | WantIPv6, WantGiven | WantIPv4 | WantIPv6,
		}).Draw(t, "want")
	case Put:
		m.Token, m.Values = drawToken(t), drawValues(t)
		if m.HasCreated = rapid.Bool().Draw(t, "has created"); m.HasCreated {
			m.Created = rapid.Int64().Draw(t, "created")
		}
	case Refresh:
		m.Token, m.VID = drawToken(t), rapid.Uint64().Draw(t, "vid")
	case Listen:
		m.Token, m.SID, m.Version = drawToken(t), rapid.Uint32().Draw(t, "sid"), rapid.Int32().Draw(t, "version")
	case Update:
		m.Token, m.SID, m.Version = drawToken(t), rapid.Uint32().Draw(t, "sid"), rapid.Int32().Draw(t, "version")
		m.Values, m.Refreshed, m.Expired = drawValues(t), drawIDs(t), drawIDs(t)
	}
}

func drawBytes(t *rapid.T, label string, low, high int) []byte {
	return rapid.SliceOfN(rapid.Byte(), low, high).Draw(t, label)
}

func drawHash(t *rapid.T, label string) infohash.Hash {
	return infohash.Sum(drawBytes(t, label, 4, 4))
}

func drawToken(t *rapid.T) []byte { return drawBytes(t, "token", 0, MaxToken) }

func drawIDs(t *rapid.T) []uint64 { return rapid.SliceOfN(rapid.Uint64(), 0, 20).Draw(t, "ids") }

func drawAddr(t *rapid.T) netip.Addr {
	ip, _ := netip.AddrFromSlice(drawBytes(t, "address", 16, 16))
	if rapid.Bool().Draw(t, "IPv4") {
		ip, _ = netip.AddrFromSlice(drawBytes(t, "address", 4, 4))
	}
	return ip.Unmap()
}

func drawValues(t *rapid.T) []Value {
	values := make([]Value, rapid.IntRange(0, 20).Draw(t, "values"))
	for i := range values {
		if rapid.Bool().Draw(t, "inline") {
			values[i].Raw = pack(dict{"id", i, "dat", drawBytes(t, "data", 0, 40)})
		} else {
			values[i].Size = rapid.IntRange(0, 1<<31-1).Draw(t, "size")
		}
	}
	return values
}

func drawParts(t *rapid.T) []Slice {
	parts := make([]Slice, rapid.IntRange(0, 20).Draw(t, "parts"))
	for i := range parts {
		parts[i] = Slice{
			Index:  rapid.IntRange(0, 1<<31-1).Draw(t, "index"),
			Offset: rapid.IntRange(0, 1<<31-1).Draw(t, "offset"),
			Data:   drawBytes(t, "data", 1, 40),
		}
	}
	return parts
}
