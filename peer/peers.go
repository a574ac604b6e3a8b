package peer

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/alarm"
	"rollcall/internal/queue"
	"rollcall/peer/internal/plan"
)

// ErrClosed reports connections that have been closed. It satisfies
// errors.Is(err, net.ErrClosed).
var ErrClosed = fmt.Errorf("peer: closed: %w", net.ErrClosed)

// Device is a device to connect with.
type Device struct {
	Account infohash.Hash
	Key     []byte // DER SubjectPublicKeyInfo
}

// Peers are the connections of one account with other devices. It is safe for
// concurrent use. Make one with Open.
type Peers struct {
	cfg  Config
	log  *slog.Logger
	self value.LongID

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	events *queue.Queue[Event]

	mu       sync.Mutex // protects all below; taken after those of connections
	plan     *plan.Plan
	alarm    *alarm.Alarm
	closed   bool
	wanted   map[value.LongID]Device
	attempts map[uint64]*attempt
	conns    map[plan.ConnID]*Conn
	lastConn plan.ConnID
	stats    Stats
}

// Open begins to take requests of other devices, and connects to those that are
// wanted. The node must not be closed before the Peers.
func Open(cfg Config) (*Peers, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it never fails
	self := cfg.Device.LongID()
	p := &Peers{
		cfg: cfg, log: cfg.Logger, self: self,
		events:   queue.New(cfg.Notify),
		plan:     plan.New(self, rand.New(rand.NewChaCha8(seed))),
		wanted:   make(map[value.LongID]Device),
		attempts: make(map[uint64]*attempt),
		conns:    make(map[plan.ConnID]*Conn),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.alarm = alarm.New(p.tick)
	for form, key := range requestKeys(cfg.Device.ID(), self) {
		context.AfterFunc(p.ctx, p.listen(form, key))
	}
	return p, nil
}

// Want connects to a device, and connects again when that is lost, until Unwant.
// Call it again whenever the device has announced itself anew.
func (p *Peers) Want(d Device) {
	long := value.KeyLongID(d.Key)
	p.input(func(now time.Time) {
		p.wanted[long] = d
		p.plan.Want(now, long)
	})
}

// Unwant tells that a device is not announced any more. Connections stay, and if it
// just fell silent it is still looked for.
func (p *Peers) Unwant(device value.LongID) {
	p.input(func(now time.Time) { p.plan.Unwant(now, device) })
}

// GiveUp ends all attempts to connect the devices of an account, and wants none of
// them any more. Connections stay; see Review.
func (p *Peers) GiveUp(account infohash.Hash) {
	p.input(func(now time.Time) {
		for _, device := range p.wantedLocked(account) {
			p.plan.GiveUp(now, device)
		}
	})
}

// Hurry makes the next attempts to connect the devices of an account happen soon,
// because something is to be sent.
func (p *Peers) Hurry(account infohash.Hash) {
	p.input(func(now time.Time) {
		for _, device := range p.wantedLocked(account) {
			p.plan.Hurry(now, device)
		}
	})
}

// NetworkChanged tells that the way to the network is another one, or that the
// machine was asleep: what is dead is found out, and what failed is tried again.
func (p *Peers) NetworkChanged() { p.input(p.plan.NetworkChanged) }

// Review closes the connections with devices of these accounts, or of all, that
// may not be connected any more, by their certificates or by the standing of
// their account. It does not wait for that.
func (p *Peers) Review(accounts ...infohash.Hash) {
	p.goWhileOpen(func() {
		for _, c := range p.Conns() {
			if len(accounts) > 0 && !slices.Contains(accounts, c.account) {
				continue
			}
			_, err := p.cfg.Verify(c.chain)
			if err != nil || p.cfg.Standing(c.account, c.Device()) == Unwelcome {
				c.Close()
			}
		}
	})
}

// Conns returns the connections, the oldest first.
func (p *Peers) Conns() []*Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	conns := make([]*Conn, 0, len(p.conns))
	for _, c := range p.conns {
		conns = append(conns, c)
	}
	slices.SortFunc(conns, func(a, b *Conn) int { return int(a.id) - int(b.id) })
	return conns
}

// Close ends all connections, so that peers know at once, and waits until nothing
// is left of them. Everything is told before it returns.
func (p *Peers) Close() error {
	p.mu.Lock()
	p.closed = true
	p.alarm.Stop()
	p.mu.Unlock()
	p.cancel()
	var conns sync.WaitGroup
	for _, c := range p.Conns() {
		conns.Go(func() { c.Close() })
	}
	conns.Wait()
	p.wg.Wait()
	p.events.Wait()
	return nil
}

// input gives the plan input and carries out what follows.
func (p *Peers) input(f func(now time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		now := time.Now()
		f(now)
		p.drainLocked(now)
	}
}

// tick is called by the alarm.
func (p *Peers) tick() {
	p.input(func(now time.Time) {
		p.alarm.Rang()
		p.plan.Tick(now)
	})
}

// drainLocked does what the plan wants, and sets the alarm.
func (p *Peers) drainLocked(now time.Time) {
	// Work is due as soon as there are places.
	if next := p.plan.NextDeadline(); !next.IsZero() && !next.After(now) {
		p.plan.Tick(now)
	}
	for _, e := range p.plan.Effects(nil) {
		p.carryOutLocked(e)
	}
	p.alarm.Set(p.plan.NextDeadline())
}

// carryOutLocked never waits: connections tell of themselves with their own locks
// held.
func (p *Peers) carryOutLocked(e plan.Effect) {
	switch e.Kind {
	case plan.Ask:
		a := newAttempt(p, e.Request, p.wanted[e.Device])
		p.attempts[e.Request] = a
		p.stats.Asked++
		p.wg.Go(a.run)
	case plan.Abandon:
		if a := p.attempts[e.Request]; a != nil {
			a.cancel(errAbandoned)
		}
	case plan.Check:
		if c := p.conns[e.Conn]; c != nil {
			p.wg.Go(c.Beacon)
		}
	case plan.Drop:
		if c := p.conns[e.Conn]; c != nil {
			p.wg.Go(func() { c.Close() })
		}
	case plan.Forget:
		delete(p.wanted, e.Device)
	}
}

// goWhileOpen runs f on a goroutine that Close waits for, unless it is too late.
func (p *Peers) goWhileOpen(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.wg.Go(f)
	}
	return !p.closed
}

func (p *Peers) wantedLocked(account infohash.Hash) []value.LongID {
	var devices []value.LongID
	for device, d := range p.wanted {
		if d.Account == account {
			devices = append(devices, device)
		}
	}
	slices.SortFunc(devices, func(a, b value.LongID) int { return bytes.Compare(a[:], b[:]) })
	return devices
}
