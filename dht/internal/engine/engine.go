// Package engine is the DHT protocol as a function of its input: it composes
// routing, searches and storage into one node without a socket, a clock or a
// goroutine.
//
// Data comes in by Handle, Tick and the operations (Get, Put, Listen, Ping), and
// leaves as effects that the caller fetches with Swap. Source: opendht spec
// sections 2, 6 and 7.
package engine

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/fragment"
	"rollcall/dht/internal/ratelimit"
	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/token"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
	"rollcall/internal/timers"
)

// Config describes a node. The zero value is not usable: ID is required, and at
// least one of IPv4 and IPv6.
type Config struct {
	ID         infohash.Hash
	Network    uint32 // only nodes of the same network talk to each other
	Client     bool   // use the network without serving it
	IPv4, IPv6 bool
	Types      *value.Types     // nil for the standard types
	Storage    storage.Config   // quotas; the zero value holds the defaults
	RateLimit  ratelimit.Config // of incoming requests; the zero value holds the defaults
	// Trusted reports whether the signature of a value is known to be good, from
	// a cache. It runs within Handle and must be quick. Nil means never.
	Trusted func(v *value.Value) bool
}

// Engine is one node. It is not safe for concurrent use and never blocks.
type Engine struct {
	cfg      Config
	id       infohash.Hash
	rng      *rand.Rand
	now      time.Time // of the call that is running
	awake    time.Time // of the last Handle or Tick
	started  time.Time
	families []*family

	store    *storage.Store
	tokens   *token.Source
	limiter  *ratelimit.Limiter
	timers   *timers.Queue[*timer]
	requests requests
	pushing  pushing
	sockets  map[uint32]listenSocket
	searches map[searchKey]*searchTimer
	ops      map[OpID]*operation
	lastOp   OpID
	watches  map[storage.WatchID]*listenOp

	parts     *fragment.Assembler
	republish republication
	checks    checks
	proven    proven
	deferred  deferred
	lost      map[*routing.Node]*lostNode

	in    wire.Message // being handled; reused
	reply wire.Message // being built; reused
	out   Output
	stats Stats

	status     Status
	recount    bool // the status may be another
	contacting int  // pings to addresses without an id

	storeTimer    timer
	sweepTimer    timer
	strangerTimer timer

	// Scratch of the answers, reused.
	query  value.Query
	value  value.Value
	values [][]byte
	token  []byte
	fields []byte
}

// New returns a node that knows nobody. rng serves protocol choices, secrets
// (a cryptographic source) the write tokens.
func New(now time.Time, cfg Config, rng *rand.Rand, secrets io.Reader) (*Engine, error) {
	if cfg.ID.IsZero() {
		return nil, errors.New("engine: a node needs an id that is not zero")
	}
	if !cfg.IPv4 && !cfg.IPv6 {
		return nil, errors.New("engine: a node needs at least one address family")
	}
	if cfg.Types == nil {
		cfg.Types = new(value.Types)
	}
	tokens, err := token.New(now, rng, secrets)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, id: cfg.ID, rng: rng, now: now, started: now,
		tokens:   tokens,
		store:    storage.New(cfg.Storage, cfg.Types),
		limiter:  ratelimit.New(cfg.RateLimit),
		parts:    fragment.New(),
		timers:   newTimers(),
		sockets:  make(map[uint32]listenSocket),
		searches: make(map[searchKey]*searchTimer),
		ops:      make(map[OpID]*operation),
		watches:  make(map[storage.WatchID]*listenOp),
		lost:     make(map[*routing.Node]*lostNode),
	}
	e.requests.init()
	e.checks.init()
	e.proven.init(now)
	if cfg.IPv4 {
		e.families = append(e.families, e.newFamily(now, false))
	}
	if cfg.IPv6 {
		e.families = append(e.families, e.newFamily(now, true))
	}
	e.storeTimer.fire = e.tickStore
	e.sweepTimer.fire = e.sweep
	e.strangerTimer.fire = e.meetStrangers
	e.republish.timer.fire = e.stepRepublication
	e.deferred.byAddr = make(map[netip.AddrPort][]postponed)
	e.set(&e.sweepTimer, now.Add(time.Minute))
	return e, nil
}

// ID returns the node's id.
func (e *Engine) ID() infohash.Hash { return e.id }

// Tick runs every timer that is due at now.
func (e *Engine) Tick(now time.Time) {
	e.advance(now)
	e.fireTimers(now)
	e.parts.Tick(now)
	e.settle(now)
}

// NextDeadline reports when Tick must be called next; zero means never.
func (e *Engine) NextDeadline() time.Time {
	d := e.timers.Next()
	if p := e.parts.NextDeadline(); !p.IsZero() && (d.IsZero() || p.Before(d)) {
		d = p
	}
	return d
}

// settle turns what a call has caused in the storage into messages, and reports
// a change of the node's status.
func (e *Engine) settle(now time.Time) {
	e.push(now)
	e.set(&e.storeTimer, e.store.NextDeadline())
	if e.recount {
		e.updateStatus(now)
	}
}

// advance begins a call, and looks for the neighbours again after a time in which the
// machine was asleep: what others had to tell meanwhile is lost.
func (e *Engine) advance(now time.Time) {
	last := e.awake
	e.now, e.awake = now, now
	passed := now.Round(0).Sub(last.Round(0))
	if last.IsZero() || passed <= bridged {
		return
	}
	// Asleep, the monotonic clock may stand still or go on. In the one case the wall
	// clock gains on it, in the other the call comes late.
	gain, due := passed-now.Sub(last), e.NextDeadline()
	if gain > bridged {
		e.store.Slept(gain)
	}
	if gain > bridged || !due.IsZero() && now.Sub(due) > bridged {
		e.ConnectivityChanged(now)
		e.effect(Effect{Kind: Seek})
	}
}

func (e *Engine) effect(x Effect) { e.out.Effects = append(e.out.Effects, x) }

func (e *Engine) tickStore(now time.Time) { e.store.Tick(now) }

// Handle consumes one datagram from a peer. p is not retained.
func (e *Engine) Handle(now time.Time, from netip.AddrPort, p []byte) {
	e.advance(now)
	e.stats.Received.Packets++
	e.stats.Received.Bytes += uint64(len(p))
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	f := e.familyOf(from.Addr())
	if f == nil || routing.Martian(from) {
		e.stats.Dropped.Martian++
		return
	}
	if err := e.in.Parse(p); err != nil {
		e.stats.Dropped.Malformed++
		return
	}
	if e.in.Network != e.cfg.Network {
		e.stats.Dropped.Network++
		return
	}
	if e.in.Kind == wire.Part {
		e.resumeSplit(now, f, e.parts.Add(now, from, &e.in))
	} else {
		e.admit(now, f, from, p)
	}
	e.settle(now)
}

// admit handles a message other than a value part.
func (e *Engine) admit(now time.Time, f *family, from netip.AddrPort, p []byte) {
	m := &e.in
	if m.ID.IsZero() || m.ID == e.id {
		e.echoed(now, from, m)
		e.stats.Dropped.Malformed++
		return
	}
	if m.Kind == wire.Request && !e.limiter.Allow(now, from.Addr()) {
		e.stats.Dropped.Limited++
		return
	}
	if m.Kind != wire.Request && !e.expects(from, m) {
		e.stats.Dropped.Unexpected++
		return
	}
	if m.Split() && e.mayGoOn(now, from, m) {
		e.resumeSplit(now, f, e.parts.Start(now, from, m, p))
		return
	}
	e.dispatch(now, f, from, m)
}

// mayGoOn reports whether to wait for the values of m, which follow in parts: not
// for those of a request that is going to be refused.
func (e *Engine) mayGoOn(now time.Time, from netip.AddrPort, m *wire.Message) bool {
	switch {
	case m.Kind != wire.Request:
		return true
	case m.Method == wire.Update:
		return e.listensTo(from, m)
	}
	return e.tokens.Valid(now, m.Token, from)
}

// resumeSplit handles a message whose values have all arrived; nil is ignored.
func (e *Engine) resumeSplit(now time.Time, f *family, x *fragment.Assembled) {
	if x == nil {
		return
	}
	if err := x.Parse(&e.in); err != nil {
		e.stats.Dropped.Malformed++
		return
	}
	e.dispatch(now, f, x.From, &e.in)
}

// dispatch handles a message that is complete.
func (e *Engine) dispatch(now time.Time, f *family, from netip.AddrPort, m *wire.Message) {
	if m.Kind == wire.Request {
		if e.heard(now, f, from, m) {
			e.serve(now, f, from, m)
		}
		return
	}
	e.answer(now, f, from, m)
}
