package talk

import (
	"net"
	"time"

	"rollcall/dht/infohash"
	"rollcall/peer"
	"rollcall/talk/internal/exchange"
)

const (
	// readSize is how much is read at once: most notes. There are up to four readers
	// for each contact.
	readSize = 512
	// maxQueued bounds the bytes that wait for one channel; who takes none of them
	// loses it.
	maxQueued = 256 << 10
	// writeLimit is how long a peer may take to take one message.
	writeLimit = 30 * time.Second
)

// line is an open channel. All but conn is protected by the lock of its Talk.
type line struct {
	conn    net.Conn
	account infohash.Hash
	queue   [][]byte
	queued  int  // bytes of it
	writing bool // a goroutine works it off
}

// Incoming decides about a channel that a peer asks for. The result takes it over,
// and is nil for those that are not ours.
func (t *Talk) Incoming(c Conn, name string) func(ch net.Conn) {
	switch {
	case !peer.Talk(name):
		return nil
	case name == peer.SIPChannel:
		return func(ch net.Conn) { t.serve(c, exchange.SIP, ch) }
	}
	return func(ch net.Conn) { t.serve(c, exchange.Records, ch) }
}

// open asks a peer for a channel and reads it to its end.
func (t *Talk) open(c Conn, ask exchange.Ask) {
	name := peer.SIPChannel
	if ask.Kind == exchange.Records {
		name = peer.MessageChannel(c.Device())
	}
	ch, err := c.Open(t.ctx, name)
	if err != nil {
		t.log.Debug("channel refused", "account", c.Account().Short(), "kind", ask.Kind, "err", err)
		_ = t.input(func(now time.Time) { t.exchange.Refused(now, ask.Conn, ask.Kind) })
		return
	}
	t.serve(c, ask.Kind, ch)
}

// serve reads a channel to its end and closes it.
func (t *Talk) serve(c Conn, kind exchange.Kind, ch net.Conn) {
	defer ch.Close()
	id, ok := t.begin(c, kind, ch)
	if !ok {
		return
	}
	defer t.wg.Done()
	buf := make([]byte, readSize)
	for {
		n, err := ch.Read(buf)
		if n > 0 {
			_ = t.input(func(now time.Time) { t.exchange.Received(now, id, buf[:n]) })
		}
		if err != nil {
			break
		}
	}
	_ = t.input(func(now time.Time) {
		t.exchange.Closed(now, id)
		delete(t.lines, id)
	})
}

// begin makes a channel known. If it is, the caller calls t.wg.Done at its end.
func (t *Talk) begin(c Conn, kind exchange.Kind, ch net.Conn) (id exchange.ChannelID, ok bool) {
	_ = t.input(func(now time.Time) {
		conn, known := t.connectedLocked(now, c)
		if !known {
			return
		}
		t.last++
		id = exchange.ChannelID(t.last)
		t.lines[id] = &line{conn: ch, account: c.Account()}
		if ok = t.exchange.Opened(now, conn, id, kind); !ok {
			delete(t.lines, id)
			return
		}
		t.wg.Add(1)
	})
	return id, ok
}

// writeLocked queues a message for a channel.
func (t *Talk) writeLocked(e exchange.Write) {
	l := t.lines[e.Channel]
	if l == nil {
		return
	}
	if l.queued += len(e.Data); l.queued > maxQueued {
		t.log.Debug("channel closed", "account", l.account.Short(), "reason", "it takes nothing")
		l.conn.Close() // its reader tells the exchange
		return
	}
	l.queue = append(l.queue, e.Data)
	if !l.writing {
		l.writing = true
		t.wg.Go(func() { t.write(l) })
	}
}

// write works off the queue of a channel: a message, a frame.
func (t *Talk) write(l *line) {
	for {
		t.mu.Lock()
		if len(l.queue) == 0 {
			l.queue, l.writing = nil, false
			t.mu.Unlock()
			return
		}
		data := l.queue[0]
		l.queue = l.queue[1:]
		l.queued -= len(data)
		t.mu.Unlock()
		_ = l.conn.SetWriteDeadline(time.Now().Add(writeLimit)) // fails when the write does
		if _, err := l.conn.Write(data); err != nil {
			l.conn.Close()
			return
		}
	}
}
