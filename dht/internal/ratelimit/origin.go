package ratelimit

import (
	"encoding/binary"
	"net/netip"
)

// Origin is what counts as one sender: an IPv4 address or an IPv6 /64, within
// which a sender picks addresses at will (opendht spec 6.1, 7.4).
type Origin uint64

// Network is the surroundings of an Origin, which are often in the same hand: an
// IPv4 /24 or an IPv6 /56.
type Network uint64

// originIPv4 marks IPv4 addresses: as an IPv6 prefix it is multicast, from which
// nothing comes.
const originIPv4 = 0xffffffff << 32

// OriginOf returns the origin of addr; an IPv4-mapped address counts as IPv4. Zones
// are ignored.
func OriginOf(addr netip.Addr) Origin {
	b := addr.As16()
	if addr.Is4() || addr.Is4In6() {
		return Origin(originIPv4 | uint64(binary.BigEndian.Uint32(b[12:])))
	}
	return Origin(binary.BigEndian.Uint64(b[:8]))
}

// Network returns the network that o lies in.
func (o Origin) Network() Network { return Network(o >> 8) }

// Addr returns the IPv4 address of o, or the first address of its /64.
func (o Origin) Addr() netip.Addr {
	var b [16]byte
	if o>>32 == originIPv4>>32 {
		binary.BigEndian.PutUint32(b[:], uint32(o))
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	binary.BigEndian.PutUint64(b[:], uint64(o))
	return netip.AddrFrom16(b)
}
