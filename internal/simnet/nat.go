package simnet

import (
	"net/netip"
	"time"
)

// NATKind is the behaviour of a NAT, in the classic terms of RFC 3489.
type NATKind uint8

// The kinds of NATs.
const (
	FullCone       NATKind = iota // one mapping per inner address, open to everyone
	Restricted                    // open to the addresses that were sent to
	PortRestricted                // open to the addresses and ports that were sent to
	Symmetric                     // a mapping for each address and port that is sent to
)

// NAT rewrites the addresses of the hosts behind it to its public one. The nil
// NAT translates nothing.
type NAT struct {
	kind     NATKind
	public   netip.Addr
	life     time.Duration
	inside   map[netip.AddrPort]*port
	mappings map[mappingKey]*mapping
	byPort   map[uint16]*mapping
	nextPort uint16
}

// mappingKey finds the mapping of an outgoing packet; remote is only set for a
// symmetric NAT.
type mappingKey struct{ inner, remote netip.AddrPort }

// mapping is a public port that stands for an inner address.
type mapping struct {
	key    mappingKey
	port   uint16
	opened map[netip.AddrPort]time.Duration // when each address was last sent to
	used   time.Duration
}

// firstNATPort is where the public ports begin.
const firstNATPort = 20000

func newNAT(kind NATKind, public netip.Addr, life time.Duration) *NAT {
	n := &NAT{kind: kind, public: public, life: life, inside: make(map[netip.AddrPort]*port), nextPort: firstNATPort}
	n.Rebind()
	return n
}

// Rebind forgets all mappings, like a restart of the device: the hosts behind it
// appear at other ports from their next packet on.
func (n *NAT) Rebind() {
	n.mappings = make(map[mappingKey]*mapping)
	n.byPort = make(map[uint16]*mapping)
}

// translates reports whether inner addresses of this family are rewritten.
func (n *NAT) translates(addr netip.Addr) bool {
	return n != nil && addr.Is4() == n.public.Is4()
}

// outbound returns the public address of a packet from an inner one.
func (n *NAT) outbound(now time.Duration, inner, to netip.AddrPort) netip.AddrPort {
	key := mappingKey{inner: inner}
	if n.kind == Symmetric {
		key.remote = to
	}
	m := n.mappings[key]
	if m != nil && now-m.used >= n.life {
		n.drop(m)
		m = nil
	}
	if m == nil {
		m = &mapping{key: key, port: n.freePort(now), opened: make(map[netip.AddrPort]time.Duration)}
		n.mappings[key] = m
		n.byPort[m.port] = m
	}
	m.used = now
	m.opened[n.filter(to)] = now
	return netip.AddrPortFrom(n.public, m.port)
}

// inbound returns the inner receiver of a packet, nil if it is not let through.
func (n *NAT) inbound(now time.Duration, from, to netip.AddrPort) *port {
	m := n.byPort[to.Port()]
	if m == nil {
		return nil
	}
	if opened, ok := m.opened[n.filter(from)]; !ok || now-opened >= n.life {
		return nil
	}
	return n.inside[m.key.inner]
}

// filter returns the part of a remote address that the NAT tells apart.
func (n *NAT) filter(remote netip.AddrPort) netip.AddrPort {
	switch n.kind {
	case FullCone:
		return netip.AddrPort{}
	case Restricted:
		return netip.AddrPortFrom(remote.Addr(), 0)
	}
	return remote
}

// freePort returns the next public port without a living mapping.
func (n *NAT) freePort(now time.Duration) uint16 {
	for {
		port := n.nextPort
		if n.nextPort++; n.nextPort == 0 {
			n.nextPort = firstNATPort
		}
		m := n.byPort[port]
		if m != nil && now-m.used < n.life {
			continue
		}
		if m != nil {
			n.drop(m)
		}
		return port
	}
}

func (n *NAT) drop(m *mapping) {
	delete(n.mappings, m.key)
	delete(n.byPort, m.port)
}
