// Package load drives one server with requests from one thread: closed loops with
// a fixed number in flight, open loops at a fixed rate, and rounds of put and
// notification.
package load

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"rollcall/bench/udp"
	"rollcall/bench/wire"
)

const (
	// callTimeout and callTries bound one single request.
	callTimeout = 500 * time.Millisecond
	callTries   = 6
)

// ErrNoAnswer reports a request that was sent callTries times in vain.
var ErrNoAnswer = errors.New("no answer from the server")

// Session is the generator as one node of the server's network. It answers what
// the server asks, so that the server takes it for a good one. It is not safe for
// concurrent use.
type Session struct {
	ID     wire.ID
	Server wire.ID
	Token  []byte
	conn   *udp.Conn
	tid    uint32
	echo   bool // the server returns what it gets
}

// Dial opens a session with the server at addr. Unless it is an echo server, it
// becomes known there and gets a token.
func Dial(addr netip.AddrPort, echo bool) (*Session, error) {
	conn, err := udp.Dial(addr)
	if err != nil {
		return nil, err
	}
	s := &Session{conn: conn, echo: echo}
	_, _ = rand.Read(s.ID[:])
	if echo {
		return s, nil
	}
	if err := s.introduce(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Session) introduce() error {
	m, err := s.Call(wire.Find(), &wire.Fields{Key: s.ID})
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	s.Server = m.Sender
	s.Token = append([]byte(nil), m.Token...)
	// The server checks a newcomer with a request of its own; let it.
	return s.Serve(settle)
}

// settle is how long a new session answers before it is used.
const settle = 50 * time.Millisecond

// Close ends the session.
func (s *Session) Close() error { return s.conn.Close() }

// Serve answers the server's requests for d.
func (s *Session) Serve(d time.Duration) error {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		n, err := s.conn.Receive(left)
		if err != nil {
			return err
		}
		for i := range n {
			if kind, _ := wire.Scan(s.conn.Datagram(i)); kind == wire.Query && !s.echo {
				s.answer(s.conn.Datagram(i))
			}
		}
		if err := s.conn.Flush(); err != nil {
			return err
		}
	}
}

// Call sends t with f until it is answered and returns the first answer.
func (s *Session) Call(t *wire.Template, f *wire.Fields) (wire.Message, error) {
	return s.exchange(f, func() {
		s.conn.Queue(t.Append(s.conn.Buffer(), f))
	})
}

// Put sends p with f until it is answered.
func (s *Session) Put(p *wire.Put, f *wire.Fields) error {
	m, err := s.exchange(f, func() { s.queuePut(p, f) })
	if err == nil && m.Kind == wire.Error {
		err = fmt.Errorf("put refused with code %d", m.Code)
	}
	return err
}

func (s *Session) queuePut(p *wire.Put, f *wire.Fields) {
	for i := range p.Datagrams() {
		if s.conn.Room() == 0 {
			_ = s.conn.Flush()
		}
		s.conn.Queue(p.Append(s.conn.Buffer(), i, f))
	}
}

func (s *Session) exchange(f *wire.Fields, queue func()) (wire.Message, error) {
	s.tid++
	f.TID, f.Node = s.tid, s.ID
	for range callTries {
		queue()
		if err := s.conn.Flush(); err != nil {
			return wire.Message{}, err
		}
		m, ok, err := s.await(f.TID | wire.WideTID)
		if ok || err != nil {
			return m, err
		}
	}
	return wire.Message{}, ErrNoAnswer
}

func (s *Session) await(tid uint32) (wire.Message, bool, error) {
	for end := time.Now().Add(callTimeout); ; {
		left := time.Until(end)
		if left <= 0 {
			return wire.Message{}, false, nil
		}
		n, err := s.conn.Receive(left)
		if err != nil {
			return wire.Message{}, false, err
		}
		var found []byte
		for i := range n {
			p := s.conn.Datagram(i)
			switch kind, got := wire.Scan(p); {
			case kind == wire.Query:
				s.answer(p)
			case (kind == wire.Reply || kind == wire.Error) && got == tid:
				found = append([]byte(nil), p...)
			}
		}
		if err := s.conn.Flush(); err != nil {
			return wire.Message{}, false, err
		}
		if found != nil {
			m, ok := wire.Parse(found)
			return m, ok, nil
		}
	}
}

// answer queues the answer to the request p of the server.
func (s *Session) answer(p []byte) {
	m, ok := wire.Parse(p)
	if !ok {
		return
	}
	if s.conn.Room() == 0 {
		_ = s.conn.Flush()
	}
	s.conn.Queue(wire.AppendAnswer(s.conn.Buffer(), &m, s.ID, nil))
}
