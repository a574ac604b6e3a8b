package fragment

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/internal/msgpack"
)

var (
	start = time.Unix(1_800_000_000, 0)
	alice = netip.MustParseAddrPort("10.0.0.1:4222")
	bob   = netip.MustParseAddrPort("10.0.0.2:4222")
)

// tester is what tests and property tests have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// split is a message in its datagrams.
type split struct {
	values [][]byte
	header []byte
	parts  [][]byte
}

// newSplit makes a put of values with the given sizes and random content. All
// go in parts, however small they are.
func newSplit(tid uint32, sizes ...int) split {
	rng := rand.NewChaCha8([32]byte{byte(tid), byte(tid >> 8), byte(len(sizes))})
	var s split
	m := wire.Message{Kind: wire.Request, Method: wire.Put, TID: tid, ID: infohash.SumString("id")}
	for _, n := range sizes {
		v := make([]byte, n)
		_, _ = rng.Read(v) // never fails
		s.values = append(s.values, v)
		m.Values = append(m.Values, wire.Value{Size: n})
	}
	s.header = m.Append(nil)
	for x := range wire.Slices(s.values) {
		s.parts = append(s.parts, m.AppendPart(nil, x))
	}
	return s
}

// datagrams is the whole message in the order of sending.
func (s *split) datagrams() [][]byte { return append([][]byte{s.header}, s.parts...) }

// handle gives one datagram to a as a node does.
func handle(tb tester, a *Assembler, now time.Time, from netip.AddrPort, datagram []byte) *Assembled {
	var m wire.Message
	if err := m.Parse(datagram); err != nil {
		tb.Fatal(err)
	}
	if m.Kind == wire.Part {
		return a.Add(now, from, &m)
	}
	return a.Start(now, from, &m, datagram)
}

// expect handles datagrams of which the last must complete s.
func expect(tb tester, a *Assembler, now time.Time, from netip.AddrPort, s split, datagrams ...[]byte) {
	tb.Helper()
	for i, d := range datagrams {
		x := handle(tb, a, now, from, d)
		if last := i == len(datagrams)-1; (x != nil) != last {
			tb.Fatalf("datagram %d of %d: complete is %v", i+1, len(datagrams), x != nil)
		}
		if x != nil {
			s.check(tb, x, from)
		}
	}
}

// check compares a complete message with s.
func (s *split) check(tb tester, x *Assembled, from netip.AddrPort) {
	tb.Helper()
	var m, header wire.Message
	if err := x.Parse(&m); err != nil {
		tb.Fatal(err)
	}
	if err := header.Parse(s.header); err != nil {
		tb.Fatal(err)
	}
	if x.From != from || m.TID != header.TID || m.ID != header.ID || m.Method != header.Method || m.Split() {
		tb.Fatalf("message %+v from %v", m, x.From)
	}
	if len(m.Values) != len(s.values) {
		tb.Fatalf("%d values, want %d", len(m.Values), len(s.values))
	}
	for i, v := range m.Values {
		if !bytes.Equal(v.Raw, s.values[i]) {
			tb.Fatalf("value %d differs", i)
		}
	}
}

func empty(tb tester, a *Assembler) {
	tb.Helper()
	if n, size := a.Pending(); n != 0 || size != 0 || len(a.sources) != 0 || !a.NextDeadline().IsZero() {
		tb.Fatalf("%d messages, %d bytes, %d sources pending", n, size, len(a.sources))
	}
}

func TestCapturedExchanges(t *testing.T) {
	text, err := os.ReadFile("testdata/parts.json")
	if err != nil {
		t.Fatal(err)
	}
	var exchanges []struct {
		Name      string
		Datagrams []struct{ From, Hex string }
	}
	if err := json.Unmarshal(text, &exchanges); err != nil {
		t.Fatal(err)
	}
	for _, x := range exchanges {
		t.Run(x.Name, func(t *testing.T) {
			a := New()
			complete := 0
			for _, d := range x.Datagrams {
				in, err := hex.DecodeString(d.Hex)
				if err != nil {
					t.Fatal(err)
				}
				var m wire.Message
				if err := m.Parse(in); err != nil {
					t.Fatal(err)
				}
				if m.Kind != wire.Part && !m.Split() {
					continue
				}
				got := handle(t, a, start, netip.AddrPortFrom(netip.MustParseAddr(d.From), 4222), in)
				if got == nil {
					continue
				}
				complete++
				if err := got.Parse(&m); err != nil {
					t.Fatal(err)
				}
				r := msgpack.NewReader(m.Values[0].Raw)
				if len(m.Values) != 1 || r.Map() != 2 || string(r.Key()) != "id" {
					t.Errorf("values %+v", m.Values)
				}
			}
			if complete != 1 {
				t.Errorf("%d messages complete, want 1", complete)
			}
			empty(t, a)
		})
	}
}

func TestOrders(t *testing.T) {
	s := newSplit(1, 5000, 1, 1281, 700)
	in := s.datagrams()
	backwards := slices.Clone(in)
	slices.Reverse(backwards)
	tests := []struct {
		name string
		in   [][]byte
	}{
		{"in order", in},
		{"header last", append(slices.Clone(s.parts), s.header)},
		{"header in between", append(append(slices.Clone(s.parts[:3]), s.header), s.parts[3:]...)},
		{"backwards", backwards},
		{"twice each, before the last", append(slices.Concat(in[:len(in)-1], in[:len(in)-1]), in[len(in)-1])},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := New()
			expect(t, a, start, alice, s, tt.in...)
			empty(t, a)
		})
	}
}

func TestTwoSendersOneTransaction(t *testing.T) {
	s, other := newSplit(7, 3000), newSplit(7, 2900)
	a := New()
	for i := range s.parts {
		if i == 0 {
			handle(t, a, start, alice, s.header)
			handle(t, a, start, bob, other.header)
		}
		x, y := handle(t, a, start, alice, s.parts[i]), handle(t, a, start, bob, other.parts[i])
		if i < len(s.parts)-1 {
			continue
		}
		if x == nil || y == nil {
			t.Fatal("not complete")
		}
		s.check(t, x, alice)
		other.check(t, y, bob)
	}
	empty(t, a)
}

// A message that is sent again while parts of it are missing is filled up; sent
// again after it was complete, it is another message.
func TestRetransmission(t *testing.T) {
	s := newSplit(3, 4000)
	in := s.datagrams()
	a := New()
	for i, d := range in {
		if i != 2 && handle(t, a, start, alice, d) != nil {
			t.Fatal("complete without a part")
		}
	}
	later := start.Add(2 * time.Second)
	expect(t, a, later, alice, s, in[:3]...)
	for _, d := range in[3:] {
		handle(t, a, later, alice, d)
	}
	if n, _ := a.Pending(); n != 1 {
		t.Errorf("%d messages, want the rest as early parts", n)
	}
	a.Tick(a.NextDeadline())
	expect(t, a, start.Add(time.Minute), alice, s, in...)
	empty(t, a)
}

func TestSizesThatAreNotCollected(t *testing.T) {
	m := wire.Message{Kind: wire.Reply, TID: 1, ID: infohash.SumString("id")}
	inline := msgpack.AppendMap(nil, 0)
	value := []byte("value")
	m.Values = []wire.Value{{Size: wire.MaxPacked + 1}, {Raw: inline}, {Size: len(value)}, {Size: 0}, {Size: 1<<31 - 1}}
	header := m.Append(nil)
	a := New()
	if handle(t, a, start, alice, header) != nil {
		t.Fatal("complete without parts")
	}
	large := m.AppendPart(nil, wire.Slice{Index: 0, Data: []byte("x")})
	if handle(t, a, start, alice, large) != nil {
		t.Fatal("complete by a part of no use")
	}
	x := handle(t, a, start, alice, m.AppendPart(nil, wire.Slice{Index: 2, Data: value}))
	if x == nil {
		t.Fatal("not complete")
	}
	var got wire.Message
	if err := x.Parse(&got); err != nil {
		t.Fatal(err)
	}
	if len(got.Values) != 2 || !bytes.Equal(got.Values[0].Raw, inline) || !bytes.Equal(got.Values[1].Raw, value) {
		t.Errorf("values %+v", got.Values)
	}

	m.Values = m.Values[:2]
	if x := handle(t, a, start, alice, m.Append(nil)); x == nil {
		t.Error("a message of which no value is collected is not complete")
	}
	empty(t, a)
}

func TestTimes(t *testing.T) {
	s := newSplit(1, 12*1280)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	t.Run("gap", func(t *testing.T) {
		a := New()
		handle(t, a, start, alice, s.header)
		handle(t, a, at(2*time.Second), alice, s.parts[0])
		handle(t, a, at(4*time.Second), alice, s.parts[0]) // of no use
		if got := a.NextDeadline(); !got.Equal(at(5 * time.Second)) {
			t.Errorf("deadline %v", got)
		}
		a.Tick(at(5*time.Second - 1))
		if n, _ := a.Pending(); n != 1 {
			t.Error("dropped too early")
		}
		a.Tick(at(5 * time.Second))
		empty(t, a)
	})
	t.Run("gap of early parts", func(t *testing.T) {
		a := New()
		handle(t, a, start, alice, s.parts[0])
		a.Tick(a.NextDeadline())
		empty(t, a)
	})
	t.Run("total", func(t *testing.T) {
		a := New()
		handle(t, a, start, alice, s.header)
		for i, part := range s.parts {
			if handle(t, a, at(time.Duration(i)*time.Second), alice, part) != nil {
				t.Fatal("complete after more than 10 s")
			}
		}
		a.Tick(a.NextDeadline())
		empty(t, a)
	})
	t.Run("total counts from early parts", func(t *testing.T) {
		a := New()
		handle(t, a, start, alice, s.parts[11])
		handle(t, a, at(2*time.Second), alice, s.header)
		for i, part := range s.parts[:11] {
			if handle(t, a, at(time.Duration(i)*time.Second), alice, part) != nil {
				t.Fatal("complete after 10 s")
			}
		}
	})
}

// TestOverlaps sends parts of any offset and size, made up ones among them:
// what comes first counts, and no byte of a message is ever from two senders.
func TestOverlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 200).Draw(t, "size")
		p := partial{size: size}
		have := make([]byte, size) // 0 where nothing has come
		for i := range rapid.IntRange(0, 60).Draw(t, "parts") {
			at := rapid.IntRange(0, size+1).Draw(t, "offset")
			n := rapid.IntRange(1, 40).Draw(t, "length")
			cost := p.add(wire.Slice{Offset: at, Data: bytes.Repeat([]byte{byte(i + 1)}, n)})
			free := at+n <= size && bytes.Count(have[at:at+n], []byte{0}) == n
			if (cost > 0) != free {
				t.Fatalf("part of %d at %d costs %d; free is %v", n, at, cost, free)
			}
			if free {
				copy(have[at:], bytes.Repeat([]byte{byte(i + 1)}, n))
			}
		}
		if got := bytes.IndexByte(have, 0); p.complete() != (got < 0) || !bytes.Equal(p.data, have[:len(p.data)]) {
			t.Fatalf("%d bytes of %d, want %d", len(p.data), size, got)
		}
	})
}

// TestInterleavings sends several messages of two senders at once, in any
// order: all of them arrive, each exactly once.
func TestInterleavings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type item struct {
			message  int
			datagram []byte
		}
		type sender struct {
			from netip.AddrPort
			s    split
		}
		var messages []sender
		var all []item
		for i := range rapid.IntRange(1, 6).Draw(t, "messages") {
			// Two senders use each transaction id.
			from := []netip.AddrPort{alice, bob}[i%2]
			s := newSplit(uint32(i/2), rapid.SliceOfN(rapid.IntRange(1, 6000), 1, 4).Draw(t, "sizes")...)
			messages = append(messages, sender{from, s})
			for _, d := range s.datagrams() {
				all = append(all, item{i, d})
			}
		}
		all = rapid.Permutation(all).Draw(t, "order")
		a := New()
		complete := make([]int, len(messages))
		for _, x := range all {
			from := messages[x.message]
			got := handle(t, a, start, from.from, x.datagram)
			if got != nil {
				complete[x.message]++
				from.s.check(t, got, from.from)
			}
		}
		for i, n := range complete {
			if n != 1 {
				t.Fatalf("message %d arrived %d times", i, n)
			}
		}
		empty(t, a)
	})
}
