package dht

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"rollcall/dht/internal/engine"
	"rollcall/dht/internal/udp"
)

// packets is a socket that moves datagrams in batches.
type packets interface {
	Receive() ([]udp.Datagram, error)
	Send([]udp.Datagram) (lost int, err error)
	LocalAddr() net.Addr
	Close() error
}

// conn is the socket of one address family.
type conn struct {
	ip6     bool
	packets packets
	out     engine.Output // of the reading goroutine

	sendMu sync.Mutex
	queue  []udp.Datagram // under sendMu
}

// listen opens a socket per family.
func (n *Node) listen() error {
	port := n.cfg.Port
	for _, ip6 := range []bool{false, true} {
		bind, wanted := n.cfg.Bind4, !n.cfg.NoIPv4
		any := netip.IPv4Unspecified()
		if ip6 {
			bind, wanted = n.cfg.Bind6, !n.cfg.NoIPv6
			any = netip.IPv6Unspecified()
		}
		if !wanted {
			continue
		}
		addr := bind
		if !bind.IsValid() {
			addr = any
		}
		p, err := n.openSocket(netip.AddrPortFrom(addr, port))
		if err != nil {
			if ip6 && !bind.IsValid() && len(n.conns) > 0 {
				n.log.Info("no IPv6 on this machine", "err", err)
				continue
			}
			for _, c := range n.conns {
				c.packets.Close()
			}
			return fmt.Errorf("dht: %w", err)
		}
		n.conns = append(n.conns, &conn{ip6: ip6, packets: p})
		// Both families share one port, as peers expect (opendht spec 2.1).
		if port == 0 {
			port = n.Port()
		}
	}
	return nil
}

func (n *Node) openSocket(addr netip.AddrPort) (packets, error) {
	if n.cfg.ListenPacket == nil {
		return udp.Listen(addr)
	}
	c, err := n.cfg.ListenPacket(addr)
	if err != nil {
		return nil, err
	}
	return &packetConn{PacketConn: c, buf: make([]byte, 65535)}, nil
}

// read feeds the engine with what arrives at one socket.
func (n *Node) read(c *conn) {
	for {
		datagrams, err := n.receive(c)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || n.ctx.Err() != nil {
				return
			}
			// Errors of single datagrams (an unreachable peer) come up here on some
			// systems; the socket itself lives on.
			n.log.Debug("receive", "err", err)
			continue
		}
		n.run(&c.out, func(now time.Time) {
			for _, d := range datagrams {
				n.engine.Handle(now, d.Addr, d.Data)
			}
		})
	}
}

// receive waits for datagrams. With one processor the runtime looks for them only
// when nothing else can run: while signatures are being checked, that is up to 10
// ms late, so the reader takes turns with the checks and looks for itself.
func (n *Node) receive(c *conn) ([]udp.Datagram, error) {
	poller, ok := c.packets.(interface {
		TryReceive() ([]udp.Datagram, error)
	})
	for ok && n.alone && n.checking.Load() > 0 {
		datagrams, err := poller.TryReceive()
		if len(datagrams) > 0 || err != nil {
			return datagrams, err
		}
		runtime.Gosched()
	}
	return c.packets.Receive()
}

// carryOut sends the packets among the effects and hands on the signature checks.
func (n *Node) carryOut(out *engine.Output) {
	for _, c := range n.conns {
		c.sendAll(out)
	}
	for i := range out.Effects {
		if x := &out.Effects[i]; x.Kind == engine.Verify {
			n.enqueue(x.Ticket, x.Value)
		}
	}
}

func (c *conn) sendAll(out *engine.Output) {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	c.queue = c.queue[:0]
	for i := range out.Effects {
		if x := &out.Effects[i]; x.Kind == engine.Send && x.To.Addr().Is6() == c.ip6 {
			c.queue = append(c.queue, udp.Datagram{Addr: x.To, Data: x.Packet})
		}
	}
	if len(c.queue) > 0 {
		// A datagram that cannot be sent is a lost one: the protocol repeats it.
		_, _ = c.packets.Send(c.queue)
	}
	clear(c.queue)
}

// packetConn makes batches of one datagram out of any net.PacketConn.
type packetConn struct {
	net.PacketConn
	buf []byte
	one [1]udp.Datagram
}

func (c *packetConn) Receive() ([]udp.Datagram, error) {
	for {
		size, from, err := c.ReadFrom(c.buf)
		if err != nil {
			return nil, err
		}
		addr, err := netip.ParseAddrPort(from.String())
		if err != nil {
			continue
		}
		c.one[0] = udp.Datagram{Addr: addr, Data: c.buf[:size]}
		return c.one[:], nil
	}
}

func (c *packetConn) Send(datagrams []udp.Datagram) (lost int, err error) {
	for _, d := range datagrams {
		if _, e := c.WriteTo(d.Data, net.UDPAddrFromAddrPort(d.Addr)); e != nil {
			lost, err = lost+1, e
		}
	}
	return lost, err
}
