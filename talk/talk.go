// Package talk carries presence notes and texts between connected devices.
//
//	t := talk.New(talk.Config{Account: id, Device: device, Contact: isContact, Notify: show})
//	peers, err := peer.Open(peer.Config{…, Incoming: func(c *peer.Conn, name string) func(net.Conn) {
//		return t.Incoming(c, name)
//	}})
//	… t.Connected(conn), t.Disconnected(conn) as peers tell of them
//	err = t.SetNote(talk.Note{Text: "Lunch Time"})
//	id, err := t.Send(friend, "text/plain", "hello")
//
// What goes to whom by which channel is decided by a state machine without I/O,
// package exchange below; a Talk runs it: it opens channels, and reads and writes
// them. Who a message is from is who the certificate of the connection says.
//
// Source: peer spec 5 to 7; presence spec 5.
package talk

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/alarm"
	"rollcall/internal/queue"
	"rollcall/talk/internal/exchange"
)

// ErrClosed reports a Talk that has been closed. It satisfies
// errors.Is(err, net.ErrClosed).
var ErrClosed = fmt.Errorf("talk: closed: %w", net.ErrClosed)

// Conn is a connection with a verified device; a *peer.Conn is one. Conns are
// compared.
type Conn interface {
	Account() infohash.Hash
	Device() value.LongID
	LocalAddr() netip.AddrPort
	RemoteAddr() netip.AddrPort
	Open(ctx context.Context, name string) (net.Conn, error)
	Done() <-chan struct{}
}

// Config describes whose talk it is.
type Config struct {
	// Account and Device are ours.
	Account infohash.Hash
	Device  value.LongID
	// Contact tells whether an account is a contact: only contacts are asked for
	// channels, and get our note.
	// It must not block, nor call the Talk. Nil: nobody is.
	Contact func(infohash.Hash) bool
	// Notify is told what happens, in order, by one goroutine at a time. It must
	// return soon and may not call Close. Nil: nobody listens.
	Notify func(Event)
	// Logger receives what happens; nil discards it.
	Logger *slog.Logger
}

// Talk is all that one account tells and is told. It is safe for concurrent use.
// Make one with New.
type Talk struct {
	cfg Config
	log *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	events *queue.Queue[Event]

	mu       sync.Mutex // protects all below
	closed   bool
	exchange *exchange.Exchange
	alarm    *alarm.Alarm
	conns    map[Conn]exchange.ConnID
	byID     map[exchange.ConnID]Conn
	lines    map[exchange.ChannelID]*line
	last     uint64 // id of a connection or channel
}

// New returns a Talk without connections and without a note.
func New(cfg Config) *Talk {
	if cfg.Contact == nil {
		cfg.Contact = func(infohash.Hash) bool { return false }
	}
	if cfg.Notify == nil {
		cfg.Notify = func(Event) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it never fails
	t := &Talk{
		cfg: cfg, log: cfg.Logger, events: queue.New(cfg.Notify),
		exchange: exchange.New(exchange.Config{Account: cfg.Account, Device: cfg.Device, Contact: cfg.Contact},
			rand.New(rand.NewChaCha8(seed))),
		conns: make(map[Conn]exchange.ConnID),
		byID:  make(map[exchange.ConnID]Conn),
		lines: make(map[exchange.ChannelID]*line),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.alarm = alarm.New(t.tick)
	return t
}

// Connected tells of a connection.
func (t *Talk) Connected(c Conn) {
	_ = t.input(func(now time.Time) { t.connectedLocked(now, c) })
}

// connectedLocked returns the id of a connection. It may be known by a channel
// before it is told of. It is false for one that has ended.
func (t *Talk) connectedLocked(now time.Time, c Conn) (exchange.ConnID, bool) {
	if id, ok := t.conns[c]; ok {
		return id, true
	}
	select {
	case <-c.Done():
		return 0, false // its end may have been told already
	default:
	}
	t.last++
	id := exchange.ConnID(t.last)
	t.conns[c], t.byID[id] = id, c
	t.exchange.Connected(now, id, c.Account(), c.Device(), c.LocalAddr(), c.RemoteAddr())
	return id, true
}

// Disconnected tells of its end, when Done is closed.
func (t *Talk) Disconnected(c Conn) {
	_ = t.input(func(now time.Time) {
		if id, ok := t.conns[c]; ok {
			delete(t.conns, c)
			delete(t.byID, id)
			t.exchange.Disconnected(now, id)
		}
	})
}

// SetNote sets our note, now and for contacts who connect later; the empty one
// takes it back. The error wraps [ErrNote].
func (t *Talk) SetNote(n Note) error {
	if err := n.Check(); err != nil {
		return err
	}
	return t.input(func(now time.Time) { t.exchange.SetNote(now, exchange.Note(n)) })
}

// Note returns our note.
func (t *Talk) Note() Note {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Note(t.exchange.Note())
}

// SetBySIP decides whether notes go by SIP also to those who have never sent one
// so. Daemons of 2023 show them as messages.
func (t *Talk) SetBySIP(on bool) {
	_ = t.input(func(now time.Time) { t.exchange.SetBySIP(now, on) })
}

// Send sends a text to all devices of an account that are connected now or within
// a minute, and returns its id. What becomes of it is told by [TextChanged]. The
// error wraps [ErrText] or is [ErrTooMany].
func (t *Talk) Send(to infohash.Hash, mediaType, content string) (id uint64, err error) {
	failed := t.input(func(now time.Time) { id, err = t.exchange.Send(now, to, mediaType, content) })
	if failed != nil {
		return 0, failed
	}
	return id, err
}

// Status tells how far a text has come, of the latest ones; 0 is that of any
// other.
func (t *Talk) Status(id uint64) Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.exchange.Status(id)
}

// Reaches tells whether a device of an account is connected.
func (t *Talk) Reaches(account infohash.Hash) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		if c.Account() == account {
			return true
		}
	}
	return false
}

// Counters returns the counts of what was not told.
func (t *Talk) Counters() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.exchange.Counters()
}

// Close ends the talk and waits until nothing of it runs. Everything is told
// before it returns.
func (t *Talk) Close() error {
	t.mu.Lock()
	t.closed = true
	t.alarm.Stop()
	for _, l := range t.lines {
		l.conn.Close()
	}
	t.mu.Unlock()
	t.cancel()
	t.wg.Wait()
	t.events.Wait()
	return nil
}

// input gives the exchange input and carries out what follows.
func (t *Talk) input(f func(now time.Time)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	now := time.Now()
	f(now)
	t.drainLocked()
	return nil
}

// tick is called by the alarm.
func (t *Talk) tick() {
	_ = t.input(func(now time.Time) {
		t.alarm.Rang()
		t.exchange.Tick(now)
	})
}

// drainLocked does what the exchange wants, and sets the alarm.
func (t *Talk) drainLocked() {
	for effects := t.exchange.Effects(nil); len(effects) > 0; effects = t.exchange.Effects(effects[:0]) {
		for _, e := range effects {
			t.carryOutLocked(e)
		}
	}
	t.alarm.Set(t.exchange.NextDeadline())
}

func (t *Talk) carryOutLocked(e exchange.Effect) {
	switch e := e.(type) {
	case exchange.Ask:
		if c := t.byID[e.Conn]; c != nil {
			t.wg.Go(func() { t.open(c, e) })
		}
	case exchange.Write:
		t.writeLocked(e)
	case exchange.Close:
		if l := t.lines[e.Channel]; l != nil {
			t.log.Debug("channel closed", "account", l.account.Short(), "reason", e.Reason)
			l.conn.Close()
		}
	default:
		t.events.Put(e)
	}
}
