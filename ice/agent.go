package ice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"rollcall/ice/internal/agent"
	"rollcall/ice/signaling"
	"rollcall/internal/alarm"
)

// Agent is one side of one connection to be: it listens, and answers checks of
// the peer, from the start. It is safe for concurrent use. Make one with Listen,
// and close it in any case.
type Agent struct {
	dial   func(context.Context, netip.AddrPort) (net.Conn, error)
	ctx    context.Context // of dialling; ends with the search
	cancel context.CancelFunc
	addrs  []netip.AddrPort // of the hosts' listeners
	done   chan struct{}    // closed when the search has ended
	tasks  sync.WaitGroup

	mu        sync.Mutex // protects the following fields
	core      *agent.Agent
	links     map[agent.LinkID]*link
	listeners []*listener
	alarm     *alarm.Alarm
	selected  *link
	err       error // why the search failed
	ended     bool  // done is closed
	closed    bool
}

// listener is one passive candidate.
type listener struct {
	net.Listener
	addr    netip.AddrPort
	relayed bool
}

// end closes the listener, and ends an Accept that is waiting: those of relays
// may take a deadline for it.
func (ln *listener) end() {
	if d, ok := ln.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		_ = d.SetDeadline(time.Unix(1, 0))
	}
	ln.Close()
}

// Listen opens a listener at each address of the configuration and returns the
// agent. Addresses where it cannot listen are left out; it fails if none is
// left. ctx bounds this call only.
func Listen(ctx context.Context, cfg Config) (*Agent, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	core, err := agent.New(cfg.Controlling, rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &Agent{
		dial:  cfg.Dial,
		done:  make(chan struct{}),
		core:  core,
		links: make(map[agent.LinkID]*link),
	}
	if a.dial == nil {
		a.dial = dialTCP
	}
	listen := cfg.Listen
	if listen == nil {
		listen = listenTCP
	}
	var errs []error
	for _, addr := range cfg.Addrs {
		ln, err := listen(ctx, netip.AddrPortFrom(addr, 0))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		at := netip.AddrPortFrom(addr.Unmap().WithZone(""), addrPort(ln.Addr()).Port())
		a.addrs = append(a.addrs, at)
		a.listeners = append(a.listeners, &listener{ln, at, false})
		// There is room for these: MaxAddrs sees to it.
		_ = core.AddCandidate(signaling.Host, signaling.Passive, at)
		_ = core.AddCandidate(signaling.Host, signaling.Active, netip.AddrPortFrom(at.Addr(), signaling.ActivePort))
	}
	if len(a.listeners) == 0 {
		return nil, fmt.Errorf("ice: cannot listen at any address: %w", errors.Join(errs...))
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.alarm = alarm.New(a.tick)
	for _, ln := range a.listeners {
		a.tasks.Go(func() { a.accept(ln) })
	}
	return a, nil
}

// Addrs returns the addresses at which the agent listens on this host, for
// mapping their ports at a router.
func (a *Agent) Addrs() []netip.AddrPort { return a.addrs }

// AddMapped offers an address at a router, whose port leads to one of Addrs.
func (a *Agent) AddMapped(public netip.AddrPort) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.core.AddCandidate(signaling.ServerReflexive, signaling.Passive, public)
}

// AddReflexive tells the peer under which address others see us.
func (a *Agent) AddReflexive(public netip.Addr) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.core.AddCandidate(signaling.ServerReflexive, signaling.Active, netip.AddrPortFrom(public, signaling.ActivePort))
}

// AddRelay offers an address at a relay. ln gives the connections that peers
// open there, once the caller has had them permitted; it belongs to the agent
// from now on, which closes it with itself or, if the connection goes through it,
// with that.
func (a *Agent) AddRelay(relayed netip.AddrPort, ln net.Listener) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.ended {
		return net.ErrClosed
	}
	if err := a.core.AddCandidate(signaling.Relayed, signaling.Passive, relayed); err != nil {
		return err
	}
	entry := &listener{ln, relayed, true}
	a.listeners = append(a.listeners, entry)
	a.tasks.Go(func() { a.accept(entry) })
	return nil
}

// Description returns what to tell the peer. Candidates added later are not in
// it.
func (a *Agent) Description() signaling.Description {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.core.Local()
	d.Candidates = append([]signaling.Candidate(nil), d.Candidates...)
	return d
}

// Connect looks for a connection with the peer of this description and returns
// it. It ends by itself within 40 seconds; when ctx ends, the agent is closed.
// It can be called once.
func (a *Agent) Connect(ctx context.Context, peer signaling.Description) (*Conn, error) {
	var err error
	a.run(func(now time.Time) { err = a.core.SetRemote(now, peer) })
	if err != nil {
		return nil, err
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		a.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.err != nil:
		return nil, a.err
	case a.closed && ctx.Err() != nil:
		return nil, fmt.Errorf("ice: connect: %w", context.Cause(ctx))
	case a.closed:
		return nil, fmt.Errorf("ice: connect: %w", net.ErrClosed)
	}
	a.selected.taken = true
	return &Conn{agent: a, link: a.selected}, nil
}

// Close ends the search, and waits until everything it began has ended. A
// connection that Connect returned is not concerned.
func (a *Agent) Close() error {
	a.mu.Lock()
	taken := a.selected != nil && a.selected.taken
	a.mu.Unlock()
	if !taken {
		a.shut()
	}
	return nil
}

// shut closes everything, the selected connection too.
func (a *Agent) shut() {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		a.alarm.Stop()
		for _, l := range a.links {
			l.close()
		}
		a.closeListeners(func(*listener) bool { return true })
		a.endLocked()
	}
	a.mu.Unlock()
	a.tasks.Wait()
}

// endLocked tells Connect that the search has ended.
func (a *Agent) endLocked() {
	if !a.ended {
		a.ended = true
		a.cancel()
		close(a.done)
	}
}

// closeListeners closes those that match. A listener at a relay may ask its
// server to close, so none is waited for here.
func (a *Agent) closeListeners(match func(*listener) bool) {
	kept := a.listeners[:0]
	for _, ln := range a.listeners {
		if match(ln) {
			a.tasks.Go(ln.end)
		} else {
			kept = append(kept, ln)
		}
	}
	a.listeners = kept
}

// run calls f, which calls the core, and carries out what follows from it.
func (a *Agent) run(f func(now time.Time)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runLocked(f)
}

func (a *Agent) runLocked(f func(now time.Time)) {
	if a.closed {
		return
	}
	f(time.Now())
	for effects := a.core.Effects(); len(effects) > 0; effects = a.core.Effects() {
		for _, e := range effects {
			a.carryOut(e)
		}
	}
	if next := a.core.NextDeadline(); a.selected != nil {
		a.alarm.SetToBeat(next, alarm.Beat) // a keepalive has time
	} else {
		a.alarm.Set(next)
	}
}

// tick is called by the alarm.
func (a *Agent) tick() {
	a.run(func(now time.Time) {
		a.alarm.Rang()
		a.core.Tick(now)
	})
}

// carryOut does what the core asks for. It does not block.
func (a *Agent) carryOut(e agent.Effect) {
	l := a.links[e.Link]
	switch e.Kind {
	case agent.Dial:
		l = newLink(a, e.Link)
		ctx, cancel := context.WithCancel(a.ctx)
		l.cancel = cancel
		a.links[e.Link] = l
		a.tasks.Go(func() { a.connect(ctx, l, e.Addr) })
	case agent.Send:
		if l != nil {
			l.queue(e.Frame)
		}
	case agent.Close:
		if l != nil {
			l.close()
			delete(a.links, e.Link)
		}
	case agent.Select:
		if l == nil {
			a.failLocked(ErrUnreachable) // it has just ended
			return
		}
		a.selected = l
		a.closeListeners(func(ln *listener) bool { return ln != l.via || !ln.relayed })
		// Its reader makes place for that of the connection, and then says so.
		l.interrupt()
	case agent.Fail:
		a.failLocked(e.Err)
	}
}

func (a *Agent) failLocked(err error) {
	a.err = err
	a.closeListeners(func(*listener) bool { return true })
	a.endLocked()
}

// accept takes the connections to one passive candidate.
func (a *Agent) accept(ln *listener) {
	for {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// No descriptor is free, or one connection failed: the next may do.
			select {
			case <-time.After(acceptPause):
				continue
			case <-a.ctx.Done():
				return
			}
		}
		taken := false
		a.run(func(now time.Time) {
			var id agent.LinkID
			id, taken = a.core.Accept(now, ln.addr, addrPort(nc.RemoteAddr()), ln.relayed)
			if taken {
				l := newLink(a, id)
				l.open(nc)
				l.via = ln
				a.links[id] = l
				a.tasks.Go(l.read)
			}
		})
		if !taken {
			nc.Close()
		}
	}
}

// connect opens a connection to addr, and then reads from it.
func (a *Agent) connect(ctx context.Context, l *link, addr netip.AddrPort) {
	defer l.cancel()
	nc, err := a.dial(ctx, addr)
	a.run(func(now time.Time) {
		switch {
		case a.links[l.id] != l:
		case err != nil:
			delete(a.links, l.id)
			a.core.Closed(now, l.id)
		default:
			l.open(nc)
			a.core.Dialed(now, l.id)
		}
	})
	switch {
	case err != nil:
	case l.conn == nil:
		nc.Close() // nobody wants it any more
	default:
		l.read()
	}
}

// addrPort returns the address and port of a TCP address, and the zero value of
// any other.
func addrPort(addr net.Addr) netip.AddrPort {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
