package wire

import (
	"encoding/binary"
	"net/netip"

	"rollcall/internal/msgpack"
)

// The socket addresses of files and of service announcements are those of Linux
// on a little-endian machine, byte for byte (opendht spec 5.2):
//
//	IPv4  family LE 16 = 2    port BE 16   address 4   zero 8
//	IPv6  family LE 16 = 10   port BE 16   flow 4      address 16   scope 4
const (
	sockaddrSize4 = 16
	sockaddrSize6 = 28
)

// appendSockaddr appends addr in the native form; the zero AddrPort appends
// nothing. Zones are not kept.
func appendSockaddr(b []byte, addr netip.AddrPort) []byte {
	switch ip := addr.Addr().Unmap(); {
	case ip.Is4():
		raw := ip.As4()
		b = binary.LittleEndian.AppendUint16(b, familyIPv4)
		b = binary.BigEndian.AppendUint16(b, addr.Port())
		b = append(b, raw[:]...)
		b = append(b, make([]byte, 8)...)
	case ip.Is6():
		raw := ip.As16()
		b = binary.LittleEndian.AppendUint16(b, familyIPv6)
		b = binary.BigEndian.AppendUint16(b, addr.Port())
		b = append(b, make([]byte, 4)...)
		b = append(b, raw[:]...)
		b = append(b, make([]byte, 4)...)
	}
	return b
}

// parseSockaddr reads an address in the native form; ok is false for anything
// else.
func parseSockaddr(b []byte) (addr netip.AddrPort, ok bool) {
	if len(b) < 4 {
		return netip.AddrPort{}, false
	}
	family, port := binary.LittleEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	switch {
	case family == familyIPv4 && len(b) == sockaddrSize4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), port), true
	case family == familyIPv6 && len(b) == sockaddrSize6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:])), port), true
	}
	return netip.AddrPort{}, false
}

func appendSockaddrBin(b []byte, addr netip.AddrPort) []byte {
	var buf [sockaddrSize6]byte
	return msgpack.AppendBin(b, appendSockaddr(buf[:0], addr))
}
