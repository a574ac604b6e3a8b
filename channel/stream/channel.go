package stream

import (
	"io"
	"net"
	"os"
	"time"

	"rollcall/channel"
)

// Channel is a channel of a Mux. It is a net.Conn with the addresses of the
// connection below. A single Write of up to channel.MaxPayload bytes is a single
// frame.
//
// It must be closed also if the peer has closed it. Who does not read what comes
// loses the channel after a while; see package channel.
type Channel struct {
	mux      *Mux
	number   uint16
	name     string
	opened   chan struct{} // closed when both sides agreed
	closed   chan struct{} // closed at the end
	readable chan struct{} // has a token when there may be data
	reading  *deadline
	writing  *deadline

	// Protected by mux.mu.
	open bool   // both sides agreed, and it did not end
	data queue  // received and not read
	err  error  // why it ended
	in   uint64 // bytes read
	out  uint64 // bytes written
}

var _ net.Conn = (*Channel)(nil)

func newChannel(m *Mux, number uint16, name string) *Channel {
	return &Channel{
		mux:      m,
		number:   number,
		name:     name,
		opened:   make(chan struct{}),
		closed:   make(chan struct{}),
		readable: make(chan struct{}, 1),
		reading:  newDeadline(),
		writing:  newDeadline(),
	}
}

// Name returns the name by which the channel was asked for.
func (c *Channel) Name() string { return c.name }

// Number returns the number of the channel on its connection.
func (c *Channel) Number() uint16 { return c.number }

// Bytes returns how many were read and written.
func (c *Channel) Bytes() (in, out uint64) {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	return c.in, c.out
}

// Read reads what the peer sent. After the peer has closed the channel it
// returns io.EOF.
func (c *Channel) Read(p []byte) (int, error) {
	for {
		due, passed := c.reading.wait()
		if passed {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := c.take(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-c.readable:
		case <-c.closed:
		case <-due:
		}
	}
}

// take returns data that is there, or why there will be none.
func (c *Channel) take(p []byte) (int, error) {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	if c.data.empty() {
		return 0, c.err
	}
	n := c.data.pop(p)
	c.in += uint64(n)
	if !c.data.empty() {
		signal(c.readable) // there may be other readers
	}
	c.mux.session.Consumed(c.number, n)
	c.mux.settle()
	return n, nil
}

// Write sends p, in as many frames as needed, and waits while much is to be sent.
func (c *Channel) Write(p []byte) (n int, err error) {
	for n < len(p) {
		due, passed := c.writing.wait()
		if passed {
			return n, os.ErrDeadlineExceeded
		}
		taken, room, err := c.put(p[n:])
		if err != nil {
			return n, err
		}
		n += taken
		if taken > 0 {
			continue
		}
		select {
		case <-room:
		case <-c.closed:
		case <-due:
		}
	}
	return n, nil
}

// put sends a frame if there is room, and returns what tells that there is.
func (c *Channel) put(p []byte) (int, <-chan struct{}, error) {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	if c.err == io.EOF {
		return 0, nil, closedError(channel.Remote)
	}
	if c.err != nil {
		return 0, nil, c.err
	}
	n, err := c.mux.session.Write(c.number, p)
	c.out += uint64(n)
	c.mux.settle()
	if n == 0 && c.mux.room == nil {
		c.mux.room = make(chan struct{})
	}
	return n, c.mux.room, err
}

// Close ends the channel. Data that was not read is dropped.
func (c *Channel) Close() error {
	m := c.mux
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.channels[c.number] != c {
		return nil
	}
	delete(m.channels, c.number)
	m.session.Close(c.number)
	c.data.clear()
	c.end(channel.Local)
	m.settle()
	c.reading.set(time.Time{})
	c.writing.set(time.Time{})
	return nil
}

// end notes why the channel ended; closing it is the last word. The caller holds
// mux.mu.
func (c *Channel) end(r channel.Reason) {
	first := c.err == nil
	switch {
	case r == channel.Remote:
		c.err = io.EOF
	case first || r == channel.Slow || r == channel.Local:
		c.err = closedError(r)
	}
	if !first {
		return
	}
	if c.open && c.mux.cfg.Closed != nil {
		c.mux.cfg.Closed(c, r)
	}
	c.open = false
	close(c.closed)
}

// reason returns why the channel ended.
func (c *Channel) reason() error {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	return c.err
}

// LocalAddr returns our address of the connection.
func (c *Channel) LocalAddr() net.Addr { return c.mux.conn.LocalAddr() }

// RemoteAddr returns the peer's address of the connection.
func (c *Channel) RemoteAddr() net.Addr { return c.mux.conn.RemoteAddr() }

// SetDeadline sets both deadlines.
func (c *Channel) SetDeadline(t time.Time) error {
	c.reading.set(t)
	c.writing.set(t)
	return nil
}

// SetReadDeadline sets when Read gives up, zero means never.
func (c *Channel) SetReadDeadline(t time.Time) error { c.reading.set(t); return nil }

// SetWriteDeadline sets when Write gives up, zero means never.
func (c *Channel) SetWriteDeadline(t time.Time) error { c.writing.set(t); return nil }
