package simnet

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Net is a network of sockets. Packets take their time by the clock of package
// time, which is virtual within a bubble of testing/synctest. It is safe for
// concurrent use and needs no closing, only its sockets do.
type Net struct {
	epoch time.Time
	mu    sync.Mutex // protects all below, and the ports of the sockets

	fabric fabric
	timer  *time.Timer   // runs deliver; nil before the first packet that waits
	due    time.Duration // when the timer fires; meaningless while it is off
	armed  bool
	next   uint16 // port to try for a socket that wants any
}

// firstEphemeral is where the ports begin that sockets get which want any.
const firstEphemeral = 49152

// NewNet returns a network without sockets.
func NewNet(cfg Config) *Net {
	return &Net{epoch: time.Now(), fabric: newFabric(cfg), next: firstEphemeral}
}

// SetLink replaces the link between all sockets from now on.
func (n *Net) SetLink(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fabric.link = l
}

// Stats counts the packets so far.
func (n *Net) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fabric.stats
}

// ListenPacket opens a socket at an address; port 0 stands for any free one.
func (n *Net) ListenPacket(addr netip.AddrPort) (*Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for anyPort := addr.Port() == 0; anyPort; {
		addr = netip.AddrPortFrom(addr.Addr(), n.next)
		anyPort = n.fabric.public[addr] != nil
		if n.next++; n.next == 0 {
			n.next = firstEphemeral
		}
	}
	c := newConn(n, addr)
	if err := n.fabric.attach(&c.port); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: c.LocalAddr(), Err: err}
	}
	return c, nil
}

// send puts a packet on its way.
func (n *Net) send(c *Conn, to netip.AddrPort, p []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fabric.send(n.now(), &c.port, to, p)
	n.deliverLocked()
}

// deliver hands over what has arrived; it runs when the timer fires.
func (n *Net) deliver() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.armed = false
	n.deliverLocked()
}

func (n *Net) deliverLocked() {
	now := n.now()
	for {
		at, ok := n.fabric.queue.next()
		if !ok {
			return
		}
		if at > now {
			n.armLocked(now, at)
			return
		}
		p, receiver := n.fabric.receive(now)
		switch {
		case receiver == nil:
			n.fabric.release(p)
		case !receiver.owner.(*Conn).put(p):
			n.fabric.stats.Overflowed++
			n.fabric.release(p)
		}
	}
}

// armLocked makes the timer fire at a time, unless it does so before anyway.
func (n *Net) armLocked(now, at time.Duration) {
	if n.armed && n.due <= at {
		return
	}
	n.due, n.armed = at, true
	if n.timer == nil {
		n.timer = time.AfterFunc(at-now, n.deliver)
	} else {
		n.timer.Reset(at - now)
	}
}

// close detaches a socket.
func (n *Net) close(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fabric.detach(&c.port)
}

// release gives back a packet that a socket has read.
func (n *Net) release(p *packet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fabric.release(p)
}

func (n *Net) now() time.Duration { return time.Since(n.epoch) }

// udpAddr returns the address in the form of package net.
func udpAddr(addr netip.AddrPort) *net.UDPAddr { return net.UDPAddrFromAddrPort(addr) }

// addrPort returns the address that a has, which must be a UDP address.
func addrPort(a net.Addr) (netip.AddrPort, error) {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("simnet: %v is not a UDP address", a)
	}
	return udp.AddrPort(), nil
}
