package load

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"rollcall/bench/stats"
	"rollcall/bench/wire"
)

// repeatAfter is when a put whose notification has not come is sent again.
const repeatAfter = 500 * time.Millisecond

// Exchanges is what PingPong saw.
type Exchanges struct {
	Done     int
	Repeated int // puts sent again
	Elapsed  time.Duration
	// Latency is the time from a put to its notification.
	Latency stats.Histogram
}

// PingPong listens at n keys and puts a value at each; every notification is
// answered and followed by the next put at its key, until rounds notifications
// came or d has passed. The keys share their first 16 bytes with the id of the
// server, which stores them therefore whatever other nodes it knows.
func PingPong(s *Session, n, rounds int, d time.Duration) (*Exchanges, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := newPingPong(s, n)
	if err != nil {
		return nil, err
	}
	for i := range p.keys {
		p.put(i)
	}
	for p.result.Done < rounds && p.now() < d {
		if err := s.conn.Flush(); err != nil {
			return nil, err
		}
		count, err := s.conn.Receive(expireEvery)
		if err != nil {
			return nil, err
		}
		for i := range count {
			p.take(s.conn.Datagram(i))
		}
		p.repeat()
	}
	p.result.Elapsed = p.now()
	if p.result.Done == 0 {
		return nil, fmt.Errorf("notification: %w", ErrNoAnswer)
	}
	return &p.result, nil
}

type pingPong struct {
	session *Session
	start   time.Time
	keys    []wire.ID
	index   map[wire.ID]int
	sent    []time.Duration
	value   *wire.Put
	next    uint64
	result  Exchanges
}

func newPingPong(s *Session, n int) (*pingPong, error) {
	p := &pingPong{
		session: s,
		start:   time.Now(),
		index:   make(map[wire.ID]int),
		sent:    make([]time.Duration, n),
		value:   wire.NewPut(s.Token, wire.Plain(make([]byte, 64)), time.Now().Unix()),
	}
	listen := wire.Listen(s.Token)
	for i := range n {
		key := NearKey(s.Server, uint32(i))
		m, err := s.Call(listen, &wire.Fields{Key: key, Socket: uint32(i)})
		if err != nil {
			return nil, err
		}
		if m.Kind == wire.Error {
			return nil, fmt.Errorf("listen refused with code %d", m.Code)
		}
		p.keys = append(p.keys, key)
		p.index[key] = i
	}
	return p, nil
}

// NearKey returns key number i of those that share the first 16 bytes with id.
func NearKey(id wire.ID, i uint32) wire.ID {
	binary.BigEndian.PutUint32(id[wire.IDSize-4:], i)
	return id
}

func (p *pingPong) now() time.Duration { return time.Since(p.start) }

func (p *pingPong) put(i int) {
	p.next++
	p.sent[i] = p.now()
	p.session.tid++
	p.session.queuePut(p.value, &wire.Fields{
		TID: p.session.tid, Node: p.session.ID, Key: p.keys[i], ValueID: p.next,
	})
}

func (p *pingPong) take(datagram []byte) {
	if kind, _ := wire.Scan(datagram); kind != wire.Query {
		return
	}
	now := p.now()
	p.session.answer(datagram)
	m, ok := wire.Parse(datagram)
	i, known := p.index[m.Key]
	if !ok || !known || m.Method != "update" || m.Values == 0 {
		return
	}
	p.result.Done++
	p.result.Latency.Add(now - p.sent[i])
	p.put(i)
}

func (p *pingPong) repeat() {
	now := p.now()
	for i, sent := range p.sent {
		if now-sent > repeatAfter {
			p.result.Repeated++
			p.put(i)
		}
	}
}
