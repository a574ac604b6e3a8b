package simnet

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Config describes a network. The zero value is one of perfect links.
type Config struct {
	Seed uint64
	Link Link
	// Path, if not nil, gives the link between two addresses in place of Link. It is
	// called for every packet and may answer differently each time; what it answers
	// must depend on the run alone.
	Path func(from, to netip.AddrPort) Link
	// Watch, if not nil, is told of every event.
	Watch func(Event)
}

// fabric is what Sim and Net have in common: it takes packets in and says when
// they arrive where. Times are durations since the network was made.
type fabric struct {
	trace
	rng    *rand.Rand
	link   Link
	path   func(from, to netip.AddrPort) Link
	queue  queue
	free   []*packet
	public map[netip.AddrPort]*port
	nats   map[netip.Addr]*NAT
}

// packet is a datagram on its way.
type packet struct {
	sender   *port
	from, to netip.AddrPort
	data     []byte
}

// port is where a host or a socket is attached to the network.
type port struct {
	addrs []netip.AddrPort // at most one of each family matters
	nat   *NAT             // nil when the addresses are public
	group int              // only ports of the same group reach each other
	owner any              // the *Host or *Conn
}

func newFabric(cfg Config) fabric {
	return fabric{
		trace:  trace{hash: cfg.Seed, watch: cfg.Watch},
		rng:    rand.New(rand.NewPCG(cfg.Seed, 0)),
		link:   cfg.Link,
		path:   cfg.Path,
		public: make(map[netip.AddrPort]*port),
		nats:   make(map[netip.Addr]*NAT),
	}
}

// attach makes p reachable at its addresses.
func (f *fabric) attach(p *port) error {
	for i, addr := range p.addrs {
		if !addr.IsValid() || addr.Port() == 0 {
			return fmt.Errorf("simnet: %v is not an address", addr)
		}
		table := f.around(p, addr.Addr())
		if table[addr] != nil {
			for _, done := range p.addrs[:i] {
				delete(f.around(p, done.Addr()), done)
			}
			return fmt.Errorf("simnet: address %v is in use", addr)
		}
		table[addr] = p
	}
	return nil
}

func (f *fabric) detach(p *port) {
	for _, addr := range p.addrs {
		delete(f.around(p, addr.Addr()), addr)
	}
}

// around returns the table of the network that p is in with an address.
func (f *fabric) around(p *port, addr netip.Addr) map[netip.AddrPort]*port {
	if p.nat.translates(addr) {
		return p.nat.inside
	}
	return f.public
}

// source returns the address from which p sends to an address.
func (p *port) source(to netip.AddrPort) (netip.AddrPort, bool) {
	for _, addr := range p.addrs {
		if addr.Addr().Is4() == to.Addr().Is4() {
			return addr, true
		}
	}
	return netip.AddrPort{}, false
}

// send puts a copy of data on its way.
func (f *fabric) send(now time.Duration, sender *port, to netip.AddrPort, data []byte) {
	from, ok := sender.source(to)
	if ok && sender.nat.translates(from.Addr()) && sender.nat.inside[to] == nil {
		from = sender.nat.outbound(now, from, to)
	}
	f.event(now, Sent, from, to, data)
	if !ok {
		f.event(now, Refused, from, to, data)
		return
	}
	link := f.link
	if f.path != nil {
		link = f.path(from, to)
	}
	if chance(f.rng, link.Loss) {
		f.event(now, Lost, from, to, data)
		return
	}
	copies := 1
	if chance(f.rng, link.Duplicate) {
		copies = 2
	}
	for range copies {
		p := f.packet()
		p.sender, p.from, p.to = sender, from, to
		p.data = append(p.data[:0], data...)
		f.queue.push(now+link.delay(f.rng, from, to), p)
	}
}

// receive takes the packet that arrives at now from the queue and returns it
// with its receiver, which is nil when there is none. The caller gives it back
// with release.
func (f *fabric) receive(now time.Duration) (*packet, *port) {
	p := f.queue.pop()
	receiver := f.receiver(now, p)
	if receiver == nil || receiver.group != p.sender.group {
		f.event(now, Refused, p.from, p.to, p.data)
		return p, nil
	}
	f.event(now, Delivered, p.from, p.to, p.data)
	return p, receiver
}

// receiver returns who gets a packet that arrives.
func (f *fabric) receiver(now time.Duration, p *packet) *port {
	if p.sender.nat.translates(p.to.Addr()) {
		if neighbour := p.sender.nat.inside[p.to]; neighbour != nil {
			return neighbour
		}
	}
	if nat := f.nats[p.to.Addr()]; nat != nil {
		return nat.inbound(now, p.from, p.to)
	}
	return f.public[p.to]
}

func (f *fabric) packet() *packet {
	if n := len(f.free); n > 0 {
		p := f.free[n-1]
		f.free = f.free[:n-1]
		return p
	}
	return new(packet)
}

func (f *fabric) release(p *packet) {
	p.sender = nil
	f.free = append(f.free, p)
}
