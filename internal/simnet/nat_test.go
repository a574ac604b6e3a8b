package simnet

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

var (
	innerAddr  = netip.MustParseAddrPort("192.168.1.2:4222")
	innerAddr2 = netip.MustParseAddrPort("192.168.1.3:4222")
	natAddr    = netip.MustParseAddr("7.7.7.7")
)

// behind returns a sim with a host behind a NAT and public hosts a, b and c, of
// which b and c share an address.
func behind(kind NATKind) (s *Sim, nat *NAT, hosts []*Host, nodes []*script) {
	s = NewSim(Config{})
	nat = s.NewNAT(kind, natAddr, time.Minute)
	hosts = []*Host{
		s.NewHostBehind(nat, innerAddr),
		s.NewHost(netip.MustParseAddrPort("1.1.1.1:1")),
		s.NewHost(netip.MustParseAddrPort("2.2.2.2:1")),
		s.NewHost(netip.MustParseAddrPort("2.2.2.2:2")),
	}
	for _, h := range hosts {
		nodes = append(nodes, new(script))
		h.Start(nodes[len(nodes)-1])
	}
	return s, nat, hosts, nodes
}

func TestNATKinds(t *testing.T) {
	tests := []struct {
		kind        NATKind
		onePort     bool // towards a, b and c
		stranger    bool // a may send to the port that b was sent from
		sameAddress bool // so may c
	}{
		{FullCone, true, true, true},
		{Restricted, true, false, true},
		{PortRestricted, true, false, false},
		{Symmetric, false, false, false},
	}
	for _, tt := range tests {
		s, _, hosts, nodes := behind(tt.kind)
		inner, a, b, c := nodes[0], nodes[1], nodes[2], nodes[3]
		reaches := func(from int, to netip.AddrPort) bool {
			before := len(inner.got)
			tell(hosts[from], nodes[from], to, "hello")
			s.Run(time.Second)
			return len(inner.got) > before
		}
		if reaches(1, netip.AddrPortFrom(natAddr, firstNATPort)) {
			t.Errorf("kind %d: a packet came in before any went out", tt.kind)
		}
		tell(hosts[0], inner, hosts[2].Addr(), "ping")
		s.Run(time.Second)
		if !slices.Contains(inner.got, "pong") {
			t.Errorf("kind %d: the answer was not let in", tt.kind)
		}
		seenByB := b.from[0]
		if seenByB.Addr() != natAddr {
			t.Fatalf("kind %d: b sees %v", tt.kind, seenByB)
		}
		if got := reaches(1, seenByB); got != tt.stranger {
			t.Errorf("kind %d: a stranger reaches the host: %v", tt.kind, got)
		}
		if got := reaches(3, seenByB); got != tt.sameAddress {
			t.Errorf("kind %d: another port of a known address reaches the host: %v", tt.kind, got)
		}
		tell(hosts[0], inner, hosts[1].Addr(), "hello")
		tell(hosts[0], inner, hosts[3].Addr(), "hello")
		s.Run(time.Second)
		if got := a.from[0] == seenByB && c.from[0] == seenByB; got != tt.onePort {
			t.Errorf("kind %d: one port for all: %v", tt.kind, got)
		}
	}
}

func TestNATMappingsEnd(t *testing.T) {
	s, nat, hosts, nodes := behind(PortRestricted)
	b := nodes[2]
	hello := func() netip.AddrPort {
		tell(hosts[0], nodes[0], hosts[2].Addr(), "hello")
		s.Run(time.Second)
		return b.from[len(b.from)-1]
	}
	first := hello()
	if again := hello(); again != first {
		t.Errorf("the port changed from %v to %v within its life", first, again)
	}
	s.Run(time.Minute)
	tell(hosts[2], b, first, "late")
	s.Run(time.Second)
	if len(nodes[0].got) != 0 {
		t.Error("a packet came in after the mapping had ended")
	}
	second := hello()
	if second == first {
		t.Error("an ended mapping is back")
	}
	nat.Rebind()
	if third := hello(); third == second {
		t.Error("Rebind did not change the port")
	}
}

func TestNATNeighboursAndHairpin(t *testing.T) {
	s, nat, hosts, nodes := behind(FullCone)
	neighbour := s.NewHostBehind(nat, innerAddr2)
	other := new(script)
	neighbour.Start(other)

	tell(hosts[0], nodes[0], innerAddr2, "local")
	tell(hosts[0], nodes[0], hosts[1].Addr(), "out")
	s.Run(time.Second)
	if other.from[0] != innerAddr {
		t.Errorf("the neighbour sees %v", other.from[0])
	}
	public := nodes[1].from[0]
	tell(neighbour, other, public, "hairpin")
	s.Run(time.Second)
	if got := nodes[0]; len(got.got) != 1 || got.from[0].Addr() != natAddr {
		t.Errorf("by the public address came %q from %v", got.got, got.from)
	}
	tell(hosts[1], nodes[1], innerAddr, "private")
	s.Run(time.Second)
	if len(nodes[0].got) != 1 {
		t.Error("an inner address was reached from outside")
	}
}
