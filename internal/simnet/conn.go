package simnet

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Conn is a datagram socket of a Net. It has the methods of [net.PacketConn] and
// those of [net.UDPConn] that work with netip addresses. Like a UDP socket it drops
// packets while too many wait to be read, cuts those that do not fit the buffer,
// and does not tell whether a packet will arrive. It is safe for concurrent use.
type Conn struct {
	net   *Net
	port  port
	inbox chan *packet

	read, write deadline
	closed      chan struct{}
	closing     sync.Once
}

const (
	// maxInbox is how many packets wait to be read: about what the default buffer
	// of a UDP socket on Linux holds.
	maxInbox = 256
	// maxDatagram is what a UDP packet over IPv4 can carry.
	maxDatagram = 65507
)

func newConn(n *Net, addr netip.AddrPort) *Conn {
	c := &Conn{net: n, inbox: make(chan *packet, maxInbox), closed: make(chan struct{})}
	c.port = port{addrs: []netip.AddrPort{addr}, owner: c}
	c.read.init()
	c.write.init()
	return c
}

// put queues a packet, which then belongs to c, and reports whether there was room.
func (c *Conn) put(p *packet) bool {
	select {
	case c.inbox <- p:
		return true
	default:
		return false
	}
}

// ReadFromUDPAddrPort waits for a packet and copies it to b.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	expired := c.read.wait()
	// An error goes before a packet, whatever select would choose.
	select {
	case <-c.closed:
		return 0, netip.AddrPort{}, c.fail("read", net.ErrClosed)
	case <-expired:
		return 0, netip.AddrPort{}, c.fail("read", os.ErrDeadlineExceeded)
	default:
	}
	select {
	case <-c.closed:
		return 0, netip.AddrPort{}, c.fail("read", net.ErrClosed)
	case <-expired:
		return 0, netip.AddrPort{}, c.fail("read", os.ErrDeadlineExceeded)
	case p := <-c.inbox:
		n, from := copy(b, p.data), p.from
		c.net.release(p)
		return n, from, nil
	}
}

// ReadFrom waits for a packet and copies it to b.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, udpAddr(from), nil
}

// WriteToUDPAddrPort sends b. It never blocks.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-c.closed:
		return 0, c.fail("write", net.ErrClosed)
	case <-c.write.wait():
		return 0, c.fail("write", os.ErrDeadlineExceeded)
	default:
	}
	if len(b) > maxDatagram {
		return 0, c.fail("write", syscall.EMSGSIZE)
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if _, ok := c.port.source(to); !ok || to.Port() == 0 {
		return 0, c.fail("write", syscall.EINVAL)
	}
	c.net.send(c, to, b)
	return len(b), nil
}

// WriteTo sends b to a [net.UDPAddr].
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	addr, err := addrPort(to)
	if err != nil {
		return 0, c.fail("write", err)
	}
	return c.WriteToUDPAddrPort(b, addr)
}

// Close frees the address and ends all calls with [net.ErrClosed]. Packets that
// wait to be read are lost. It does nothing when the socket is closed already.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.net.close(c)
		c.read.set(time.Time{})
		c.write.set(time.Time{})
		close(c.closed)
	})
	return nil
}

// LocalAddr returns the address of the socket, a [net.UDPAddr].
func (c *Conn) LocalAddr() net.Addr { return udpAddr(c.port.addrs[0]) }

// SetDeadline sets both deadlines; see SetReadDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	c.read.set(t)
	c.write.set(t)
	return nil
}

// SetReadDeadline makes reads fail with [os.ErrDeadlineExceeded] from a time on,
// the pending ones too; the zero time stands for never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return nil
}

// SetWriteDeadline does the same for writes.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.write.set(t)
	return nil
}

func (c *Conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Err: err}
}

// deadline closes a channel at a time that can be changed.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	expired chan struct{}
}

func (d *deadline) init() { d.expired = make(chan struct{}) }

// wait returns a channel that is closed once the deadline has passed, also one
// that is set later.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.expired
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fired := d.timer != nil && !d.timer.Stop()
	d.timer = nil
	select {
	case <-d.expired:
		fired = true
	default:
	}
	if fired {
		d.expired = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	expired := d.expired
	if left := time.Until(t); left > 0 {
		d.timer = time.AfterFunc(left, func() { close(expired) })
	} else {
		close(expired)
	}
}
