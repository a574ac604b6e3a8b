package ice

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"rollcall/ice/signaling"
)

// Conn is the connection with a peer: a byte stream, which crypto/tls can use. A
// writer is held back by a peer that does not read. While a Read is waiting,
// checks of the peer are answered; keepalives are sent when nothing else is.
//
// After a Write that failed in the midst of a frame, by its deadline for
// instance, every later one fails.
type Conn struct {
	agent *Agent
	link  *link
	read  sync.Mutex // held by Read
}

var _ net.Conn = (*Conn)(nil)

// Read reads bytes of the stream.
func (c *Conn) Read(p []byte) (int, error) {
	c.read.Lock()
	defer c.read.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	l := c.link
	if len(l.early) > 0 {
		n := copy(p, l.early)
		if l.early = l.early[n:]; len(l.early) == 0 {
			l.early = nil
		}
		return n, nil
	}
	for {
		n, check, err := l.in.next(p)
		if check == nil {
			return n, c.closedErr(err)
		}
		c.agent.run(func(now time.Time) { c.agent.core.Receive(now, l.id, check) })
	}
}

// Write writes p, in as many frames as it takes.
func (c *Conn) Write(p []byte) (int, error) {
	l := c.link
	l.write.Lock()
	defer l.write.Unlock()
	// The answer by which the peer learns of the selection goes first.
	for _, frame := range l.take() {
		if _, err := l.writeParts(frame, nil); err != nil {
			return 0, c.closedErr(err)
		}
	}
	c.sending()
	written := 0
	for written < len(p) {
		payload := p[written:min(len(p), written+maxPayload)]
		n, err := l.writeFrame(payload)
		written += n
		if err != nil {
			return written, c.closedErr(err)
		}
	}
	return written, nil
}

// sending puts off the next keepalive. The timer that is set for it fires early,
// which costs less than to set it anew each time.
func (c *Conn) sending() {
	c.agent.mu.Lock()
	defer c.agent.mu.Unlock()
	c.agent.core.Sent(time.Now())
}

// closedErr makes the errors that follow on Close alike, whatever connection is
// below.
func (c *Conn) closedErr(err error) error {
	if err == nil {
		return nil
	}
	c.agent.mu.Lock()
	defer c.agent.mu.Unlock()
	if c.agent.closed {
		return fmt.Errorf("ice: %w", net.ErrClosed)
	}
	return err
}

// Close closes the connection, and waits until nothing of its agent is left.
func (c *Conn) Close() error {
	c.agent.shut()
	return nil
}

// Controlling reports the role in which the connection came about: the
// controlling side is the client of what runs over it (peer spec 3).
func (c *Conn) Controlling() bool {
	c.agent.mu.Lock()
	defer c.agent.mu.Unlock()
	return c.agent.core.Controlling()
}

// Relayed reports whether the connection goes through a relay, as far as the
// candidates say.
func (c *Conn) Relayed() bool {
	c.agent.mu.Lock()
	defer c.agent.mu.Unlock()
	return c.agent.core.Relayed()
}

// Pair returns of which types the candidates are by which the connection came
// about, as far as the candidates say.
func (c *Conn) Pair() (ours, theirs signaling.Type) {
	c.agent.mu.Lock()
	defer c.agent.mu.Unlock()
	return c.agent.core.Pair()
}

// Addrs returns the addresses of the TCP connection, ours and the peer's.
func (c *Conn) Addrs() (local, remote netip.AddrPort) {
	return addrPort(c.LocalAddr()), addrPort(c.RemoteAddr())
}

// LocalAddr returns our address of the TCP connection.
func (c *Conn) LocalAddr() net.Addr { return c.link.conn.LocalAddr() }

// RemoteAddr returns the peer's address of the TCP connection.
func (c *Conn) RemoteAddr() net.Addr { return c.link.conn.RemoteAddr() }

// SetDeadline sets the deadlines of Read and Write.
func (c *Conn) SetDeadline(t time.Time) error { return c.link.conn.SetDeadline(t) }

// SetReadDeadline sets the deadline of Read. A Read that misses it loses nothing.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.link.conn.SetReadDeadline(t) }

// SetWriteDeadline sets the deadline of Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.link.conn.SetWriteDeadline(t) }
