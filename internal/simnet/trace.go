package simnet

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"time"
)

// EventKind tells what became of a packet.
type EventKind uint8

// The kinds of events.
const (
	Sent      EventKind = iota // handed to the network
	Lost                       // by the link
	Delivered                  // to its receiver
	Refused                    // nobody there, the way is cut, or a NAT does not let it through
)

// Event is one moment in the life of a packet. From and To are the addresses on
// the way, outside of any NAT; Packet is only valid during the call it is handed to.
type Event struct {
	At     time.Duration // since the network was made
	Kind   EventKind
	From   netip.AddrPort
	To     netip.AddrPort
	Packet []byte
}

// Stats counts events by kind, and the bytes sent.
type Stats struct {
	Sent, Lost, Delivered, Refused uint64
	Bytes                          uint64
	Overflowed                     uint64 // delivered to a socket that had no room for more
}

// trace condenses everything that happens to a number.
type trace struct {
	hash  uint64
	stats Stats
	watch func(Event)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// event notes what became of a packet.
func (t *trace) event(at time.Duration, kind EventKind, from, to netip.AddrPort, p []byte) {
	switch kind {
	case Sent:
		t.stats.Sent++
		t.stats.Bytes += uint64(len(p))
		t.mix(uint64(crc32.Checksum(p, castagnoli)))
	case Lost:
		t.stats.Lost++
	case Delivered:
		t.stats.Delivered++
	case Refused:
		t.stats.Refused++
	}
	t.mix(uint64(at)<<2 | uint64(kind))
	t.mix(hashAddr(from) + 3*hashAddr(to))
	if t.watch != nil {
		t.watch(Event{At: at, Kind: kind, From: from, To: to, Packet: p})
	}
}

// mix adds a number to the hash.
func (t *trace) mix(x uint64) { t.hash = scramble(t.hash ^ x) }

// scramble spreads every bit of x over all bits of the result (the finalizer of
// SplitMix64).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func hashAddr(a netip.AddrPort) uint64 {
	b := a.Addr().As16()
	h := scramble(binary.BigEndian.Uint64(b[:8]))
	return scramble(h ^ binary.BigEndian.Uint64(b[8:]) ^ uint64(a.Port())<<48)
}
