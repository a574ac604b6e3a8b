// Package stream runs a channel.Session over a connection and offers each
// channel as a net.Conn.
package stream

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"rollcall/channel"
	"rollcall/internal/alarm"
)

const (
	// readSize is how much is read at once: a TLS record.
	readSize = 16 << 10
	// idleSize is how much is read after a pause: a beacon, or a message. Most
	// connections pause.
	idleSize = 1 << 10
	// clientBeat is what beacons of the TLS client wait for. It has less time to lose.
	clientBeat = time.Second
	// flushLimit is how long Close tries to send what is left to send.
	flushLimit = time.Second
)

// Config says how a Mux runs.
type Config struct {
	// Client tells whether we were the TLS client.
	Client bool
	// Incoming decides about the channels that the peer asks for, by name. What
	// it returns gets the channel, on a goroutine of its own; nil declines. A nil
	// Incoming declines all.
	Incoming func(name string) (serve func(*Channel))
	// Opened and Closed, unless nil, are told of every channel that opens, and of
	// its end, in order.
	Opened func(*Channel)
	Closed func(*Channel, channel.Reason)
	// Ended, unless nil, is told of the end of the session, after all else.
	Ended func()

	// None of these may block, nor call the Mux or a Channel, but for its Name.
}

// Mux carries channels over a connection. Its methods may be called from any
// goroutine. Make one with New.
type Mux struct {
	conn net.Conn
	cfg  Config
	work sync.WaitGroup // the reader and the writer
	done chan struct{}  // closed when the session ended

	mu       sync.Mutex // protects all following fields
	session  *channel.Session
	channels map[uint16]*Channel
	room     chan struct{} // closed as output leaves; nil while nobody waits for that
	resume   chan struct{} // has a token when the stream may go on
	beat     time.Duration // what a beacon waits for
	writing  bool          // the writer runs, or has closed the connection
	sent     []byte        // what the writer sends, and then spare
	alarm    *alarm.Alarm
	effects  []channel.Effect
	err      error // why the session ended
}

// New starts to talk over conn, which the Mux owns from now on.
func New(conn net.Conn, cfg Config) *Mux {
	m := &Mux{
		conn:     conn,
		cfg:      cfg,
		done:     make(chan struct{}),
		session:  channel.New(time.Now(), cfg.Client),
		channels: make(map[uint16]*Channel),
		resume:   make(chan struct{}, 1),
		beat:     alarm.Beat,
	}
	if cfg.Client {
		m.beat = clientBeat
	}
	m.mu.Lock()
	m.alarm = alarm.New(m.tick)
	m.settle()
	m.mu.Unlock()
	m.work.Go(m.read)
	return m
}

// Open asks the peer for a channel and waits for the answer.
func (m *Mux) Open(ctx context.Context, name string) (*Channel, error) {
	m.mu.Lock()
	number, err := m.session.Open(time.Now(), name)
	if err != nil {
		m.mu.Unlock()
		return nil, m.closedOr(err)
	}
	c := newChannel(m, number, name)
	m.channels[number] = c
	m.settle()
	m.mu.Unlock()
	select {
	case <-c.opened:
		return c, nil
	case <-c.closed:
		select {
		case <-c.opened: // and has ended already; what it brought is still to be read
			return c, nil
		default:
		}
		err := c.reason()
		c.Close()
		return nil, err
	case <-ctx.Done():
		c.Close()
		return nil, ctx.Err()
	}
}

// Beacon asks the peer for a sign of life. Call it when the network changed or
// the machine woke up: the session ends within seconds if the peer is gone.
func (m *Mux) Beacon() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.session.Beacon(time.Now())
	m.settle()
}

// Stats returns the counts of the session.
func (m *Mux) Stats() channel.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session.Stats()
}

// Done is closed when the session ended; Err then says why.
func (m *Mux) Done() <-chan struct{} { return m.done }

// Err returns why the session ended, nil before. The error wraps net.ErrClosed
// and a channel.Reason.
func (m *Mux) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// closedOr returns why the session ended, or err if it did not.
func (m *Mux) closedOr(err error) error {
	if ended := m.Err(); ended != nil {
		return ended
	}
	return err
}

// Close ends the session, closes the connection and waits until all goroutines
// are gone.
func (m *Mux) Close() error {
	m.mu.Lock()
	m.session.End(channel.Local)
	m.settle()
	m.mu.Unlock()
	m.work.Wait()
	return nil
}

// read hands the session what comes.
func (m *Mux) read() {
	idle := make([]byte, idleSize)
	buf := idle
	var busy *chunk
	for {
		n, err := m.conn.Read(buf)
		if !m.handle(buf[:n]) {
			break
		}
		if err != nil {
			m.mu.Lock()
			m.session.End(channel.StreamEnd)
			m.settle()
			m.mu.Unlock()
			break
		}
		switch {
		case busy == nil && n == len(idle):
			busy = chunks.Get().(*chunk)
			buf = busy.buf[:]
		case busy != nil && n < len(idle):
			chunks.Put(busy)
			busy, buf = nil, idle
		}
	}
	if busy != nil {
		chunks.Put(busy)
	}
}

// handle hands p to the session, as slow readers allow, and reports whether the
// session goes on.
func (m *Mux) handle(p []byte) bool {
	for {
		m.mu.Lock()
		n := m.session.Handle(time.Now(), p)
		m.settle()
		ended := m.err != nil
		m.mu.Unlock()
		p = p[n:]
		if ended {
			return false
		}
		if len(p) == 0 {
			return true
		}
		select {
		case <-m.resume:
		case <-m.done:
			return false
		}
	}
}

// write sends what the session has to send until nothing is left, and closes the
// connection when the session ended. There is no writer while nothing is to be sent:
// of many connections most are idle.
func (m *Mux) write() {
	defer m.work.Done()
	for {
		out, ended := m.output()
		if len(out) == 0 {
			if ended {
				m.conn.Close()
			}
			return
		}
		if _, err := m.conn.Write(out); err != nil {
			m.mu.Lock()
			m.session.End(channel.StreamEnd)
			m.settle()
			m.mu.Unlock()
			m.conn.Close()
			return
		}
	}
}

// output returns what is to be sent; if that is nothing, the writer ends.
func (m *Mux) output() (out []byte, ended bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = m.session.Output(m.sent)
	if m.room != nil {
		close(m.room)
		m.room = nil
	}
	ended = m.err != nil
	m.writing = len(m.sent) > 0 || ended // no other is to follow the last one
	return m.sent, ended
}

// tick runs the timers of the session. Its goroutine writes what comes of that: to
// wake another for a beacon would cost more than the beacon.
func (m *Mux) tick() {
	m.mu.Lock()
	m.alarm.Rang()
	m.session.Tick(time.Now())
	write := m.follow()
	m.mu.Unlock()
	if write {
		m.write()
	}
}

// settle does what the session wants done after a call. The caller holds m.mu.
func (m *Mux) settle() {
	if m.follow() {
		go m.write()
	}
}

// follow does the same, but for what is to be sent: it reports whether the caller
// must see to it that write is called. The caller holds m.mu.
func (m *Mux) follow() (write bool) {
	for m.effects = m.session.Effects(m.effects[:0]); len(m.effects) > 0; m.effects = m.session.Effects(m.effects[:0]) {
		for _, e := range m.effects {
			m.carryOut(e)
		}
		clear(m.effects)
	}
	if !m.writing && (m.session.Pending() > 0 || m.err != nil) {
		m.writing, write = true, true
		m.work.Add(1)
	}
	if !m.session.Blocked() {
		signal(m.resume)
	}
	m.alarm.SetToBeat(m.session.NextDeadline(), m.beat)
	return write
}

// carryOut carries out one effect. The caller holds m.mu.
func (m *Mux) carryOut(e channel.Effect) {
	c := m.channels[e.Channel]
	switch e.Kind {
	case channel.Requested:
		m.requested(e)
	case channel.Opened:
		m.opened(c)
	case channel.Data:
		c.data.push(e.Data)
		signal(c.readable)
	case channel.Closed:
		if c == nil {
			return // a request of the peer that was never accepted
		}
		if e.Reason == channel.Slow {
			c.data.clear()
		}
		c.end(e.Reason)
	case channel.Ended:
		m.err = closedError(e.Reason)
		m.alarm.Stop()
		// Reader and writer may hang in the connection.
		m.conn.SetReadDeadline(time.Now())
		m.conn.SetWriteDeadline(time.Now().Add(flushLimit))
		close(m.done)
		if m.cfg.Ended != nil {
			m.cfg.Ended()
		}
	}
}

// requested answers a request of the peer. The caller holds m.mu.
func (m *Mux) requested(e channel.Effect) {
	var serve func(*Channel)
	if m.cfg.Incoming != nil {
		serve = m.cfg.Incoming(e.Name)
	}
	if serve == nil {
		m.session.Decline(e.Channel)
		return
	}
	if m.session.Accept(e.Channel) != nil {
		return // withdrawn in the same breath
	}
	c := newChannel(m, e.Channel, e.Name)
	m.channels[e.Channel] = c
	m.opened(c)
	go serve(c)
}

// opened notes that both sides agreed on a channel. The caller holds m.mu.
func (m *Mux) opened(c *Channel) {
	c.open = true
	if m.cfg.Opened != nil {
		m.cfg.Opened(c)
	}
	close(c.opened)
}

// signal leaves a token in a channel of capacity one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// closedError makes an error of a reason that also is net.ErrClosed.
func closedError(r channel.Reason) error { return fmt.Errorf("%w: %w", r, net.ErrClosed) }
