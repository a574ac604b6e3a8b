package simnet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Streams is a network of TCP connections in memory, without delay. It is safe for
// concurrent use.
type Streams struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*streamListener
	lastPort  uint16
	cut       bool
}

// NewStreams returns an empty network.
func NewStreams() *Streams {
	return &Streams{listeners: make(map[netip.AddrPort]*streamListener)}
}

func (s *Streams) port() uint16 {
	const first = 4000
	s.lastPort++
	return first + s.lastPort
}

// Cut cuts the network: what is written is lost without a word, and nobody can be
// connected to. Or it mends it.
func (s *Streams) Cut(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = cut
}

func (s *Streams) broken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

// Listen opens a listener at an address, at a port of its own.
func (s *Streams) Listen(_ context.Context, addr netip.AddrPort) (net.Listener, error) {
	const backlog = 64
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &streamListener{
		net:    s,
		addr:   netip.AddrPortFrom(addr.Addr(), s.port()),
		queue:  make(chan net.Conn, backlog),
		closed: make(chan struct{}),
	}
	s.listeners[l.addr] = l
	return l, nil
}

// DialFrom returns what connects from a host.
func (s *Streams) DialFrom(host netip.Addr) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
		if s.broken() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		l := s.listeners[addr]
		if l == nil {
			return nil, syscall.ECONNREFUSED
		}
		from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(host, s.port()))
		to := net.TCPAddrFromAddrPort(addr)
		ours, theirs := net.Pipe()
		select {
		case l.queue <- &streamConn{theirs, s, to, from}:
			return &streamConn{ours, s, from, to}, nil
		default:
			return nil, syscall.ECONNREFUSED
		}
	}
}

type streamListener struct {
	net    *Streams
	addr   netip.AddrPort
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *streamListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *streamListener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		delete(l.net.listeners, l.addr)
		l.net.mu.Unlock()
		close(l.closed)
		// Nobody adds to the queue any more.
		for {
			select {
			case c := <-l.queue:
				c.Close()
			default:
				return
			}
		}
	})
	return nil
}

func (l *streamListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

type streamConn struct {
	net.Conn
	net           *Streams
	local, remote net.Addr
}

func (c *streamConn) Write(p []byte) (int, error) {
	if c.net.broken() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Close reaches the other side only where the network does.
func (c *streamConn) Close() error {
	if c.net.broken() {
		return c.Conn.SetDeadline(time.Unix(1, 0))
	}
	return c.Conn.Close()
}

func (c *streamConn) LocalAddr() net.Addr  { return c.local }
func (c *streamConn) RemoteAddr() net.Addr { return c.remote }
