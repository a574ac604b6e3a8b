// Package simnet is a packet network in memory, for tests, in two forms over the
// same model of links: [Sim] runs protocol cores in virtual time, deterministically
// and as fast as the machine can; [Net] offers sockets to drivers, for use within a
// bubble of testing/synctest.
package simnet

import (
	"fmt"
	"net/netip"
	"time"
)

// Node is a protocol core as a Sim drives it.
type Node interface {
	// Handle consumes one datagram. It must not retain p.
	Handle(now time.Time, from netip.AddrPort, p []byte)
	// Tick does what is due at now.
	Tick(now time.Time)
	// NextDeadline reports when Tick is to be called; zero means never.
	NextDeadline() time.Time
	// Drain hands over the datagrams to send, in order, and forgets them. send
	// copies p.
	Drain(send func(to netip.AddrPort, p []byte))
}

// Start is when the virtual time of a Sim begins.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Sim is a network of hosts that run Nodes. Nothing happens but in Run, Until and
// the methods of Host; they run in the caller's goroutine. The same seed and the
// same calls give the same run, which Hash proves. It is not safe for concurrent use.
type Sim struct {
	fabric
	now    time.Duration // since Start
	timers timers
	hosts  []*Host
}

// NewSim returns a network without hosts.
func NewSim(cfg Config) *Sim { return &Sim{fabric: newFabric(cfg)} }

// Now returns the virtual time.
func (s *Sim) Now() time.Time { return Start.Add(s.now) }

// Hash condenses everything that has happened so far.
func (s *Sim) Hash() uint64 { return s.hash }

// Stats counts the packets so far.
func (s *Sim) Stats() Stats { return s.stats }

// SetLink replaces the link between all hosts from now on.
func (s *Sim) SetLink(l Link) { s.link = l }

// NewHost returns a host that does not run yet. It has one address per family;
// without any given it gets a public IPv4 address in a /24 of its own.
func (s *Sim) NewHost(addrs ...netip.AddrPort) *Host {
	return s.addHost(nil, addrs)
}

// NewNAT attaches a NAT with a public address. Its mappings end when they have
// not been used for outgoing packets for the time given.
func (s *Sim) NewNAT(kind NATKind, public netip.Addr, life time.Duration) *NAT {
	if s.nats[public] != nil {
		panic(fmt.Sprintf("simnet: address %v is in use", public))
	}
	n := newNAT(kind, public, life)
	s.nats[public] = n
	return n
}

// NewHostBehind returns a host behind a NAT, with inner addresses. Those of the
// family that the NAT does not translate are public.
func (s *Sim) NewHostBehind(nat *NAT, addrs ...netip.AddrPort) *Host {
	return s.addHost(nat, addrs)
}

func (s *Sim) addHost(nat *NAT, addrs []netip.AddrPort) *Host {
	if len(addrs) == 0 {
		addrs = []netip.AddrPort{publicAddr(len(s.hosts))}
	}
	h := &Host{sim: s, id: len(s.hosts), timer: -1}
	h.port = port{addrs: addrs, nat: nat, owner: h}
	h.send = func(to netip.AddrPort, p []byte) { s.fabric.send(s.now, &h.port, to, p) }
	s.hosts = append(s.hosts, h)
	return h
}

// publicAddr returns the address of the i-th host.
func publicAddr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i>>16), byte(i >> 8), byte(i), 1}), 4222)
}

// Partition cuts the network: the hosts of each group reach only each other, as
// do the hosts that are in none. Packets on their way across are refused.
func (s *Sim) Partition(groups ...[]*Host) {
	s.Heal()
	for i, group := range groups {
		for _, h := range group {
			h.port.group = i + 1
		}
	}
}

// Heal ends a partition.
func (s *Sim) Heal() {
	for _, h := range s.hosts {
		h.port.group = 0
	}
}

// Run lets the time given pass.
func (s *Sim) Run(d time.Duration) { s.Until(d, func() bool { return false }) }

// Until lets time pass until done reports true, which is asked after every event,
// but at most the time given. It reports whether it was done.
func (s *Sim) Until(limit time.Duration, done func() bool) bool {
	end := s.now + limit
	for !done() {
		arrival, arrives := s.queue.next()
		h := s.timers.first()
		if h != nil && arrives && arrival <= h.at {
			h = nil
		}
		switch {
		case h != nil && h.at <= end:
			s.now = max(s.now, h.at)
			h.tick()
		case h == nil && arrives && arrival <= end:
			s.now = max(s.now, arrival)
			s.deliver()
		default:
			s.now = end
			return done()
		}
	}
	return true
}

// deliver hands the packet that arrives now to its receiver.
func (s *Sim) deliver() {
	p, receiver := s.receive(s.now)
	if receiver != nil {
		receiver.owner.(*Host).handle(p)
	}
	s.release(p)
}
