// Package dht is a node of the OpenDHT network: it stores values under 160-bit
// keys on the nodes closest to them, finds them there, and hears of changes.
//
//	node, err := dht.Open(ctx, dht.Config{Bootstrap: []string{"bootstrap.example"}})
//	…
//	_, err = node.Put(ctx, infohash.SumString("greeting"), &value.Value{Data: []byte("hello")})
//	for v, err := range node.Get(ctx, infohash.SumString("greeting"), dht.Lookup{}) { … }
//
// A Node is a full citizen: it also keeps values for others. It is safe for
// concurrent use. One node serves many identities: operations that sign or
// decrypt take the identity to do it with.
//
// The protocol itself is a function without a clock or a socket (internal/engine).
// A Node runs it: whoever has input for it (a socket's reader, the timer, a
// caller) takes the lock, hands the input over, takes the effects, and carries
// them out after the lock is released. So a request is read, served and answered
// on one goroutine.
package dht

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/engine"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
	"rollcall/internal/ktimer"
)

// Node is a running node. Make one with Open.
type Node struct {
	cfg      Config
	log      *slog.Logger
	clock    Clock
	verifier *value.Verifier

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	close  sync.Once
	conns  []*conn
	checks chan check

	checking atomic.Int32 // signature checks that are not finished
	alone    bool         // the process has one processor

	mu     sync.Mutex // guards the fields below
	engine *engine.Engine
	ops    map[engine.OpID]*results
	timer  Timer
	alarm  time.Time // when timer fires; zero when it does not
	putOff int       // how often it was put off since it last fired
	closed bool
	status Status
	change chan struct{} // closed at the next change of status
}

// Open starts a node. It returns once the sockets are open; the node joins the
// network in the background. The node runs until Close; ctx only bounds Open.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	state, err := readState(cfg.StateFile)
	if err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, log: cfg.Logger, clock: cfg.Clock,
		verifier: value.NewVerifier(verifiedValues),
		checks:   make(chan check, checkQueue),
		ops:      make(map[engine.OpID]*results),
		change:   make(chan struct{}),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if err := n.listen(); err != nil {
		n.cancel()
		return nil, err
	}
	if err := n.start(state); err != nil {
		n.cancel()
		for _, c := range n.conns {
			c.packets.Close()
		}
		return nil, err
	}
	return n, nil
}

func (c *Config) setDefaults() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Lookup == nil {
		c.Lookup = systemLookup
	}
	if c.Types == nil {
		c.Types = new(value.Types)
	}
}

// start makes the engine and the goroutines that drive it.
func (n *Node) start(state *wire.State) error {
	id, err := n.chooseID(state)
	if err != nil {
		return err
	}
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it never fails
	cfg := engine.Config{
		ID: id, Network: n.cfg.Network, Client: n.cfg.Client, Types: n.cfg.Types,
		Trusted: n.verifier.Known,
	}
	cfg.Storage.Bytes = n.cfg.StorageBytes
	cfg.RateLimit.Off = n.cfg.NoRateLimit
	for _, c := range n.conns {
		if c.ip6 {
			cfg.IPv6 = true
		} else {
			cfg.IPv4 = true
		}
	}
	now := n.clock.Now()
	n.engine, err = engine.New(now, cfg, rand.New(rand.NewChaCha8(seed)), crand.Reader)
	if err != nil {
		return fmt.Errorf("dht: %w", err)
	}
	n.alone = runtime.GOMAXPROCS(0) == 1
	n.timer = n.newTimer()
	for _, c := range n.conns {
		n.wg.Go(func() { n.read(c) })
	}
	for range min(maxCheckers, runtime.GOMAXPROCS(0)) {
		n.wg.Go(n.check)
	}
	n.do(func(now time.Time) { n.engine.Restore(now, state) })
	n.contactBootstrap()
	if n.cfg.StateFile != "" {
		if state.ID != id {
			// A node that crashes at once must come back by the same id too: by another, the
			// network would take the old one for a second node, and wait for it.
			state.ID = id
			n.wg.Go(func() { n.save(state) })
		}
		n.wg.Go(n.saveNodes)
	}
	if n.cfg.Discovery {
		n.discover()
	}
	n.log.Info("node started", "id", id, "port", n.Port())
	return nil
}

// newTimer returns the timer of tick, which is an hour away. That of the kernel takes what
// the runtime's does in an idle process to a third, but knows no time but the system's.
func (n *Node) newTimer() Timer {
	if _, ok := n.clock.(systemClock); ok && n.cfg.ListenPacket == nil {
		return ktimer.AfterFunc(time.Hour, n.tick)
	}
	return n.clock.AfterFunc(time.Hour, n.tick)
}

// chooseID follows opendht spec 1.
func (n *Node) chooseID(state *wire.State) (infohash.Hash, error) {
	switch {
	case !n.cfg.ID.IsZero():
		return n.cfg.ID, nil
	case !state.ID.IsZero():
		return state.ID, nil
	case n.cfg.Identity != nil:
		if _, err := n.cfg.Identity.spki(); err != nil {
			return infohash.Hash{}, err
		}
		return value.NodeID(n.cfg.Identity.ID()), nil
	}
	var id infohash.Hash
	_, _ = crand.Read(id[:])
	return id, nil
}

// ID returns the node's id.
func (n *Node) ID() infohash.Hash { return n.engine.ID() }

// Port returns the UDP port of the node's first socket.
func (n *Node) Port() uint16 {
	if addr, ok := n.conns[0].packets.LocalAddr().(*net.UDPAddr); ok {
		return uint16(addr.Port)
	}
	return 0
}

// Addrs returns the addresses that the node listens on, one per family.
func (n *Node) Addrs() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, c := range n.conns {
		if addr, err := netip.ParseAddrPort(c.packets.LocalAddr().String()); err == nil {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// Close stops the node and waits until nothing of it runs. Pending operations
// end with ErrClosed. The known nodes and the values held for others go to the
// state file.
func (n *Node) Close() error {
	var err error
	n.close.Do(func() {
		n.mu.Lock()
		n.closed = true
		state := n.engine.Export(n.clock.Now())
		ops := n.ops
		n.ops = nil
		n.timer.Stop()
		n.mu.Unlock()
		for _, r := range ops {
			r.end(ErrClosed)
		}
		n.cancel()
		for _, c := range n.conns {
			c.packets.Close()
		}
		n.wg.Wait()
		err = writeState(n.cfg.StateFile, state)
		n.log.Info("node stopped")
	})
	return err
}

// do gives the engine input and carries out what it wants. It reports false
// when the node is closed.
func (n *Node) do(input func(now time.Time)) bool {
	out := outputs.Get().(*engine.Output)
	defer outputs.Put(out)
	return n.run(out, input)
}

// outputs are those that are not in use; their memory is worth keeping.
var outputs = sync.Pool{New: func() any { return new(engine.Output) }}

// run is do with an Output to reuse.
func (n *Node) run(out *engine.Output, input func(now time.Time)) bool {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return false
	}
	now := n.clock.Now()
	input(now)
	n.engine.Swap(out)
	n.setAlarm(now)
	changed := n.deliver(out)
	n.mu.Unlock()
	n.carryOut(out)
	if changed {
		n.log.Info("connection to the network", "status", n.Status())
	}
	return true
}

// An idle process does not wake up for what is not due any more, and a busy one does not
// move the alarm with every request: it may be too early by earlyAlarm, and by any time
// once it was put off maxPutOff times.
const (
	earlyAlarm = 200 * time.Millisecond
	maxPutOff  = 16
)

// setAlarm makes the timer fire when the engine must be ticked next, or earlier.
func (n *Node) setAlarm(now time.Time) {
	next := n.engine.NextDeadline()
	if next.IsZero() {
		return
	}
	if !n.alarm.IsZero() && !next.Before(n.alarm) {
		if next.Sub(n.alarm) < earlyAlarm || n.putOff == maxPutOff {
			return
		}
		n.putOff++
	}
	n.alarm = next
	n.timer.Reset(max(0, next.Sub(now)))
}

func (n *Node) tick() {
	n.do(func(now time.Time) {
		n.alarm, n.putOff = time.Time{}, 0
		n.engine.Tick(now)
	})
}

// ConnectivityChanged tells the node that the machine's network has changed: it
// looks for its neighbours again.
func (n *Node) ConnectivityChanged() {
	n.do(func(now time.Time) { n.engine.ConnectivityChanged(now) })
	n.contactBootstrap()
}

// randomID draws a value id that nobody can guess; 0 is not one.
func randomID() uint64 {
	var b [8]byte
	for {
		_, _ = crand.Read(b[:])
		if id := binary.LittleEndian.Uint64(b[:]); id != 0 {
			return id
		}
	}
}
