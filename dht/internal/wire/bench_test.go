package wire

import (
	"net/netip"
	"strings"
	"testing"
)

// benchPackets are the packets of testdata that make up nearly all traffic.
var benchPackets = []string{
	"q:ping:", "q:find:", "q:get:q", "q:put:values+c", "q:listen:ve", "q:update:re",
	"r:id+sa", "r:id+sa+n4+token", "r:id+sa+n4+token+values", "r:id+vid+sa",
}

func benchmarkPackets(b *testing.B, run func(b *testing.B, packet []byte)) {
	for _, p := range readPackets(b) {
		for _, kind := range benchPackets {
			if p.Kind == kind && p.Version == "4.3.0" {
				b.Run(strings.ReplaceAll(kind, ":", " "), func(b *testing.B) { run(b, p.bytes(b)) })
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	benchmarkPackets(b, func(b *testing.B, packet []byte) {
		var m Message
		b.ReportAllocs()
		for b.Loop() {
			if err := m.Parse(packet); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	benchmarkPackets(b, func(b *testing.B, packet []byte) {
		var m Message
		if err := m.Parse(packet); err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 0, 2048)
		b.ReportAllocs()
		for b.Loop() {
			buf = m.Append(buf[:0])
		}
	})
}

func BenchmarkAppendPart(b *testing.B) {
	m := Message{TID: 1 << 31}
	s := Slice{Index: 1, Offset: sliceSize, Data: make([]byte, sliceSize)}
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.AppendPart(buf[:0], s)
	}
}

func BenchmarkNodes(b *testing.B) {
	m := Message{Nodes4: make([]byte, MaxNodes*nodeSize4)}
	b.ReportAllocs()
	var last netip.AddrPort
	for b.Loop() {
		for _, addr := range m.Nodes() {
			last = addr
		}
	}
	_ = last
}
