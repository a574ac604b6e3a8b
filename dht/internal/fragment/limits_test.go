package fragment

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
)

// address returns the n-th of many IPv4 addresses.
func address(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0a000000+uint32(n)))), 4222)
}

// TestFloods sends what is meant to fill memory, each from one address and from
// many: what is kept stays within the limits, and so does the memory it takes.
func TestFloods(t *testing.T) {
	const count = 6000
	wide := wire.Message{Kind: wire.Request, Method: wire.Put, ID: infohash.SumString("id")}
	for range 3000 {
		wide.Values = append(wide.Values, wire.Value{Size: wire.MaxPacked})
	}
	data := make([]byte, sliceSize)
	floods := []struct {
		name      string
		datagrams func(tid uint32) [][]byte
	}{
		{"headers", func(tid uint32) [][]byte {
			m := wire.Message{Kind: wire.Request, Method: wire.Put, TID: tid, ID: wide.ID, Values: wide.Values[:1]}
			return [][]byte{m.Append(nil)}
		}},
		{"headers that announce much", func(tid uint32) [][]byte {
			if tid >= count/10 {
				return nil
			}
			wide.TID = tid
			return [][]byte{wide.Append(nil)}
		}},
		{"headers with one part", func(tid uint32) [][]byte {
			m := wire.Message{Kind: wire.Request, Method: wire.Put, TID: tid, ID: wide.ID, Values: wide.Values[:1]}
			return [][]byte{m.Append(nil), m.AppendPart(nil, wire.Slice{Data: data})}
		}},
		{"single bytes out of order", func(tid uint32) [][]byte {
			m := wire.Message{Kind: wire.Request, Method: wire.Put, TID: tid / 50, ID: wide.ID, Values: wide.Values[:1]}
			return [][]byte{m.Append(nil), m.AppendPart(nil, wire.Slice{Offset: int(2 + 2*(tid%50)), Data: data[:1]})}
		}},
		{"early parts", func(tid uint32) [][]byte {
			m := wire.Message{TID: tid}
			return [][]byte{m.AppendPart(nil, wire.Slice{Data: data})}
		}},
		{"many early parts each", func(tid uint32) [][]byte {
			m := wire.Message{TID: tid / 200}
			return [][]byte{m.AppendPart(nil, wire.Slice{Index: int(tid % 200), Data: data})}
		}},
	}
	for _, flood := range floods {
		for _, many := range []bool{false, true} {
			name := flood.name + " from one address"
			if many {
				name = flood.name + " from many"
			}
			t.Run(name, func(t *testing.T) {
				before := heap()
				a := New()
				for i := range count {
					from := alice
					if many {
						from = address(i / 50)
					}
					for _, d := range flood.datagrams(uint32(i)) {
						handle(t, a, start, from, d)
					}
				}
				checkLimits(t, a, many)
				if took := heap() - before; took > 2*(maxBytes+maxEarlyBytes) {
					t.Errorf("%d MiB of memory", took>>20)
				}
				a.Tick(start.Add(gap))
				empty(t, a)
			})
		}
	}
}

func heap() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

func checkLimits(t *testing.T, a *Assembler, many bool) {
	t.Helper()
	messages, size := a.Pending()
	maxM, maxB := maxMessages+maxEarly, maxBytes+maxEarlyBytes
	if !many {
		maxM, maxB = maxSourceMessages+maxSourceEarly, maxSourceBytes
	}
	if messages == 0 || messages > maxM || size > maxB {
		t.Errorf("%d messages, %d bytes; limits %d, %d", messages, size, maxM, maxB)
	}
}

// What one address does must not keep others out; and early parts, which need
// no permission at all, must not push out messages.
func TestFloodsSpareOthers(t *testing.T) {
	s := newSplit(1, 60_000)
	flood := func(a *Assembler, from func(i int) netip.AddrPort, early bool) {
		for i := range 2 * maxMessages {
			x := newSplit(uint32(i), 1)
			if early {
				handle(t, a, start, from(i), x.parts[0])
			} else {
				handle(t, a, start, from(i), x.header)
			}
		}
	}
	t.Run("messages of one address", func(t *testing.T) {
		a := New()
		handle(t, a, start, bob, s.header)
		flood(a, func(int) netip.AddrPort { return alice }, false)
		expect(t, a, start, bob, s, s.parts...)
	})
	t.Run("messages of one network", func(t *testing.T) {
		a := New()
		handle(t, a, start, bob, s.header)
		flood(a, func(i int) netip.AddrPort {
			ip := netip.MustParseAddr("2001:db8::").As16()
			binary.BigEndian.PutUint32(ip[12:], uint32(i))
			return netip.AddrPortFrom(netip.AddrFrom16(ip), 4222)
		}, false)
		expect(t, a, start, bob, s, s.parts...)
	})
	t.Run("early parts of many", func(t *testing.T) {
		a := New()
		handle(t, a, start, bob, s.header)
		flood(a, address, true)
		expect(t, a, start, bob, s, s.parts...)
	})
	t.Run("the one that waits longest gives way", func(t *testing.T) {
		a := New()
		handle(t, a, start, bob, s.header)
		flood(a, func(i int) netip.AddrPort { return address(i + 100) }, false)
		for _, part := range s.parts {
			if handle(t, a, start, bob, part) != nil {
				t.Fatal("still here")
			}
		}
		last := newSplit(2*maxMessages-1, 1)
		expect(t, a, start, address(2*maxMessages+99), last, last.parts...)
	})
}

// A reply with many values of the largest size fits.
func TestLargeReply(t *testing.T) {
	sizes := make([]int, 100)
	for i := range sizes {
		sizes[i] = wire.MaxPacked
	}
	s := newSplit(1, sizes...)
	a := New()
	expect(t, a, start, alice, s, s.datagrams()...)
	empty(t, a)
}

// FuzzAssembler plays a hostile network: the input is a list of datagrams, each
// after the byte of its sender and the time that passes before it, and the two
// bytes of its length.
func FuzzAssembler(f *testing.F) {
	script := func(datagrams ...[]byte) []byte {
		var b []byte
		for i, d := range datagrams {
			b = append(b, byte(i%2)<<4|byte(i%3))
			b = binary.BigEndian.AppendUint16(b, uint16(len(d)))
			b = append(b, d...)
		}
		return b
	}
	s := newSplit(1, 100, 1300)
	f.Add(script(s.datagrams()...))
	f.Add(script(append(s.parts, s.header)...))
	f.Add(script(s.header, s.header, s.parts[0], s.parts[0], s.parts[1], s.parts[2]))
	f.Fuzz(func(t *testing.T, script []byte) {
		a := New()
		now := start
		fed := 0
		var m wire.Message
		for len(script) >= 3 {
			from := address(int(script[0] >> 4))
			now = now.Add(time.Duration(script[0]&15) * 100 * time.Millisecond)
			n := min(int(binary.BigEndian.Uint16(script[1:])), len(script)-3)
			datagram := script[3 : 3+n]
			script = script[3+n:]
			if m.Parse(datagram) != nil {
				continue
			}
			fed += len(datagram) + messageCost + partCost*len(m.Parts) + valueCost*len(m.Values)
			var x *Assembled
			switch {
			case m.Kind == wire.Part:
				x = a.Add(now, from, &m)
			case m.Split():
				x = a.Start(now, from, &m, datagram)
			}
			if x != nil {
				if err := x.Parse(&m); err != nil || m.Split() {
					t.Fatalf("incomplete: %+v, error %v", m, err)
				}
			}
			if _, size := a.Pending(); size > fed {
				t.Fatalf("%d bytes pending of %d", size, fed)
			}
			if end := a.NextDeadline(); !end.IsZero() && end.After(now.Add(gap)) {
				t.Fatalf("deadline %v at %v", end, now)
			}
			a.Tick(now)
		}
		a.Tick(now.Add(gap))
		empty(t, a)
	})
}

func BenchmarkAssemble(b *testing.B) {
	s := newSplit(1, 5000)
	var in []wire.Message
	for _, d := range s.datagrams() {
		var m wire.Message
		if err := m.Parse(d); err != nil {
			b.Fatal(err)
		}
		in = append(in, m)
	}
	a := New()
	b.SetBytes(5000)
	b.ReportAllocs()
	for b.Loop() {
		a.Start(start, alice, &in[0], s.header)
		for i := range in[1:] {
			a.Add(start, alice, &in[1+i])
		}
		if n, _ := a.Pending(); n != 0 {
			b.Fatal("not complete")
		}
	}
}
