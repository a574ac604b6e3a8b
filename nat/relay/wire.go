package relay

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// Values of attributes (RFC 5766 14.7, RFC 6156 4.1.1).
const (
	protocolTCP = 6
	familyIPv6  = 2
)

// headerSize is that of a STUN message (RFC 5389 6).
const headerSize = 20

// readMessage reads one message from a stream, and nothing that follows.
func readMessage(r io.Reader) (*stun.Message, error) {
	raw := make([]byte, headerSize, maxMessage)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(raw[2:]))
	if !stun.IsMessage(raw) || size%4 != 0 || headerSize+size > maxMessage {
		return nil, fmt.Errorf("%w: no STUN message", ErrProtocol)
	}
	raw = raw[:headerSize+size]
	if _, err := io.ReadFull(r, raw[headerSize:]); err != nil {
		return nil, err
	}
	m := &stun.Message{Raw: raw}
	if err := m.Decode(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return m, nil
}

// lifetime returns how long an allocation lives, within bounds.
func lifetime(m *stun.Message) time.Duration {
	v, err := m.Get(stun.AttrLifetime)
	if err != nil || len(v) != 4 {
		return minLifetime
	}
	return min(max(time.Duration(binary.BigEndian.Uint32(v))*time.Second, minLifetime), maxLifetime)
}

func tcpAddr(a stun.XORMappedAddress) *net.TCPAddr {
	ip, _ := netip.AddrFromSlice(a.IP)
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), uint16(a.Port)))
}

// validPeer reports whether an address can be that of another host, as seen from
// the server. Loopback is one on a test network only, where we are on it too.
func validPeer(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && !addr.IsLinkLocalUnicast()
}
