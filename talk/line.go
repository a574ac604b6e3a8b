package talk

import (
	"net"
	"time"

	"rollcall/dht/infohash"
	"rollcall/internal/queue"
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

// line is an open channel. Its queued is protected by the lock of its Talk.
type line struct {
	id      exchange.ChannelID
	conn    net.Conn
	account infohash.Hash
	out     *queue.Queue[[]byte]
	queued  int // bytes in out
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
	l := t.begin(c, kind, ch)
	if l == nil {
		return
	}
	defer t.wg.Done()
	buf := make([]byte, readSize)
	for {
		n, err := ch.Read(buf)
		if n > 0 {
			_ = t.input(func(now time.Time) { t.exchange.Received(now, l.id, buf[:n]) })
		}
		if err != nil {
			break
		}
	}
	_ = t.input(func(now time.Time) {
		t.exchange.Closed(now, l.id)
		delete(t.lines, l.id)
	})
	ch.Close()
	l.out.Wait()
}

// begin makes a channel known, at whose end the caller calls t.wg.Done. It returns
// nil for one that nobody wants.
func (t *Talk) begin(c Conn, kind exchange.Kind, ch net.Conn) (opened *line) {
	_ = t.input(func(now time.Time) {
		conn, known := t.connectedLocked(now, c)
		if !known {
			return
		}
		t.last++
		l := &line{id: exchange.ChannelID(t.last), conn: ch, account: c.Account()}
		l.out = queue.New(func(data []byte) { t.write(l, data) })
		t.lines[l.id] = l
		if !t.exchange.Opened(now, conn, l.id, kind) {
			delete(t.lines, l.id)
			return
		}
		t.wg.Add(1)
		opened = l
	})
	return opened
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
	l.out.Put(e.Data)
}

// write writes a message, in one frame.
func (t *Talk) write(l *line, data []byte) {
	t.mu.Lock()
	l.queued -= len(data)
	t.mu.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(writeLimit)) // fails when the write does
	if _, err := l.conn.Write(data); err != nil {
		l.conn.Close()
	}
}
