package signaling

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrCandidate reports a candidate line that cannot be used.
var ErrCandidate = errors.New("signaling: unusable candidate")

// Type says how a candidate was come by (RFC 5245 section 4.1.1).
type Type uint8

// The types of candidates.
const (
	Host            Type = iota // an address of the device
	ServerReflexive             // the address that others see, or a mapped port
	PeerReflexive               // learnt from a check
	Relayed                     // an address at a TURN server
)

var typeNames = [...]string{"host", "srflx", "prflx", "relay"}

func (t Type) String() string { return typeNames[t] }

// typePreference is the upper byte of a priority (peer spec 2.1).
var typePreference = [...]uint32{Host: 126, ServerReflexive: 100, PeerReflexive: 110, Relayed: 0}

// TCPType says who opens the connection (RFC 6544 section 4.5).
type TCPType uint8

// The kinds of TCP candidates.
const (
	Active  TCPType = iota // connects; the port means nothing
	Passive                // is connected to
	SimultaneousOpen
)

var tcpTypeNames = [...]string{"active", "passive", "so"}

func (t TCPType) String() string { return tcpTypeNames[t] }

// Candidate is one address of a device, for TCP and component 1. As text:
//
//	<foundation> 1 TCP <priority> <address> <port> typ <type> tcptype <kind>
type Candidate struct {
	Foundation string
	Priority   uint32
	Addr       netip.AddrPort // port 9 where active (RFC 6544 section 4.5)
	Type       Type
	TCPType    TCPType
}

// component is the only one: a connection is one stream.
const component = 1

// ActivePort stands in an active candidate, which listens at no port (RFC 6544
// section 4.5).
const ActivePort = 9

// Priority returns the priority of the candidate that a device lists as the
// index-th, from 0 (RFC 5245 section 4.1.2.1, with the preferences of peers).
func Priority(t Type, index int) uint32 {
	return typePreference[t]<<24 | (0xffff-uint32(index))<<8 | (256 - component)
}

// Foundation returns the foundation that peers write: a letter for the type and
// the address in hexadecimal, of IPv6 its 32-bit words by exclusive or. It only
// needs to be equal for equal bases.
func Foundation(t Type, addr netip.Addr) string {
	var word uint32
	for b := addr.Unmap().AsSlice(); len(b) >= 4; b = b[4:] {
		word ^= binary.BigEndian.Uint32(b)
	}
	return "HSPR"[t:t+1] + strconv.FormatUint(uint64(word), 16)
}

// Append appends the candidate as peers write it, without an end of line.
func (c *Candidate) Append(b []byte) []byte {
	b = append(append(b, c.Foundation...), " 1 TCP "...)
	b = append(strconv.AppendUint(b, uint64(c.Priority), 10), ' ')
	b = append(c.Addr.Addr().AppendTo(b), ' ')
	b = strconv.AppendUint(b, uint64(c.Addr.Port()), 10)
	b = append(append(b, " typ "...), c.Type.String()...)
	return append(append(b, " tcptype "...), c.TCPType.String()...)
}

// String returns the candidate line.
func (c *Candidate) String() string { return string(c.Append(nil)) }

// ParseCandidate reads a candidate line. Beyond what peers write it takes the
// forms of other ICE implementations: a prefix "candidate:" or "a=candidate:",
// the transport in lower case, and pairs of attributes before or after tcptype.
func ParseCandidate(line string) (Candidate, error) {
	line = strings.TrimPrefix(line, "a=")
	line = strings.TrimPrefix(line, "candidate:")
	f := strings.Fields(line)
	if len(f) < 10 || f[6] != "typ" || !strings.EqualFold(f[2], "TCP") || f[1] != strconv.Itoa(component) {
		return Candidate{}, fmt.Errorf("%w: not a TCP candidate of component 1", ErrCandidate)
	}
	c := Candidate{Foundation: f[0]}
	if len(c.Foundation) > maxFoundation {
		return Candidate{}, fmt.Errorf("%w: foundation of %d bytes", ErrCandidate, len(c.Foundation))
	}
	priority, err := strconv.ParseUint(f[3], 10, 32)
	if err != nil {
		return Candidate{}, fmt.Errorf("%w: priority: %w", ErrCandidate, err)
	}
	c.Priority = uint32(priority)
	addr, err := netip.ParseAddr(f[4])
	if err != nil || addr.Zone() != "" {
		return Candidate{}, fmt.Errorf("%w: not an address without zone", ErrCandidate)
	}
	port, err := strconv.ParseUint(f[5], 10, 16)
	if err != nil {
		return Candidate{}, fmt.Errorf("%w: port: %w", ErrCandidate, err)
	}
	c.Addr = netip.AddrPortFrom(addr.Unmap(), uint16(port))
	if c.Type, err = typeOf(f[7]); err != nil {
		return Candidate{}, err
	}
	for pairs := f[8:]; len(pairs) >= 2; pairs = pairs[2:] {
		if pairs[0] == "tcptype" {
			c.TCPType, err = tcpTypeOf(pairs[1])
			return c, err
		}
	}
	return Candidate{}, fmt.Errorf("%w: no tcptype", ErrCandidate)
}

func typeOf(name string) (Type, error) {
	for t, n := range typeNames {
		if n == name {
			return Type(t), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown type", ErrCandidate)
}

func tcpTypeOf(name string) (TCPType, error) {
	for t, n := range tcpTypeNames {
		if n == name {
			return TCPType(t), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown tcptype", ErrCandidate)
}
