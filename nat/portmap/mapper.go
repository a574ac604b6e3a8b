// Package portmap asks the router of this network to let connections in: by UPnP
// (Internet Gateway Device) or NAT-PMP, whichever it speaks.
//
// The router is looked for in the background, so that Map uses what is known and
// waits for one answer at most. A router that does not answer is forgotten until
// it is found again.
//
// Source: UPnP WANIPConnection:1 and :2, RFC 6886.
package portmap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Reasons why there is no mapping, for errors.Is.
var (
	// ErrNoRouter reports that no router is known that maps ports.
	ErrNoRouter = errors.New("portmap: no router that maps ports is known")
	// ErrElsewhere reports an address from which the router is not reached.
	ErrElsewhere = errors.New("portmap: not the address of this host towards the router")
	// ErrFull reports that there are too many mappings that are young.
	ErrFull = errors.New("portmap: too many mappings")
	// ErrClosed reports a mapper that was closed.
	ErrClosed = fmt.Errorf("portmap: closed: %w", net.ErrClosed)
)

var errNoPort = errors.New("portmap: no port of a listener")

// router is one that maps ports. Its calls end with ctx, or soon after.
type router interface {
	protocol() string
	addr() netip.Addr  // of the router, on our network
	local() netip.Addr // of this host towards it
	// external returns the router's address on the other side, invalid if it has
	// none.
	external(ctx context.Context) (netip.Addr, error)
	// add maps an external port, or another if that is taken, to a port of this
	// host, or renews that. It returns the port and for how long.
	add(ctx context.Context, internal, external uint16, life time.Duration) (uint16, time.Duration, error)
	remove(ctx context.Context, internal, external uint16) error
	// forgot reports whether the router has been seen to forget its mappings since
	// it was last asked.
	forgot() bool
}

// Mapper keeps mappings at the router of this network. It is safe for concurrent
// use. Make one with New.
type Mapper struct {
	log    *slog.Logger
	find   func(context.Context) (router, error)
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu       sync.Mutex // protects all below
	router   router     // nil while none is known
	seeking  bool
	sought   time.Time // when the last search ended
	search   int       // number of the last search; older results do not count
	mappings []*mapping
	renewal  chan struct{} // closed, and another made, when all are to be renewed
	renewed  time.Time     // when that was
}

// New returns a mapper that has not looked for a router yet. logger may be nil.
func New(logger *slog.Logger) *Mapper { return newMapper(logger, findRouter) }

func newMapper(logger *slog.Logger, find func(context.Context) (router, error)) *Mapper {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	m := &Mapper{log: logger, find: find, renewal: make(chan struct{})}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// Seek looks for the router in the background, unless that has just been done.
func (m *Mapper) Seek() {
	m.mu.Lock()
	defer m.mu.Unlock()
	again := seekAgain
	if m.router != nil {
		again = lookAgain
	}
	if !m.seeking && (m.sought.IsZero() || time.Since(m.sought) >= again) {
		m.seekLocked()
	}
}

// NetworkChanged forgets the router, which may be another one now, and renews all
// mappings, which may have ended while the host was asleep.
func (m *Mapper) NetworkChanged() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sought.IsZero() && !m.seeking {
		return // nobody has needed it yet
	}
	m.router = nil
	m.seekLocked()
	m.renewLocked()
}

func (m *Mapper) seekLocked() {
	if m.ctx.Err() != nil {
		return
	}
	m.seeking = true
	m.search++
	search := m.search
	m.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(m.ctx, findTimeout)
		defer cancel()
		r, err := m.find(ctx)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.search != search {
			return
		}
		m.seeking, m.sought = false, time.Now()
		if err != nil {
			// One that is known stays until it maps no more: searches get lost.
			m.log.Debug("no router that maps ports", "err", err)
			return
		}
		m.router = r
		m.log.Debug("router that maps ports", "protocol", r.protocol(), "router", r.addr())
	})
}

// lost forgets a router that does not map ports any more, and looks for it again:
// one that was started again may be found elsewhere.
func (m *Mapper) lost(r router, err error) {
	m.mu.Lock()
	if m.router == r {
		m.log.Debug("router does not map ports any more", "router", r.addr(), "err", err)
		m.router = nil
	}
	m.mu.Unlock()
	m.Seek()
}

// notice has all mappings renewed if the router has forgotten them, unless that has
// just been done: it might say so each time.
func (m *Mapper) notice(r router) {
	if !r.forgot() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.renewed.IsZero() || time.Since(m.renewed) >= minRenewal {
		m.log.Debug("router has been started again", "router", r.addr())
		m.renewLocked()
	}
}

func (m *Mapper) renewLocked() {
	m.renewed = time.Now()
	close(m.renewal)
	m.renewal = make(chan struct{})
}

// renew returns what is closed when all mappings are to be renewed at once.
func (m *Mapper) renew() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.renewal
}

// known returns the router that is known now, if this host has the same address
// towards it as towards another, and else that.
func (m *Mapper) known(other router) router {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.router != nil && m.router.local() == other.local() {
		return m.router
	}
	return other
}

// Map lets connections in to a listener of this host and returns at which address
// they arrive. The mapping lives until ctx ends or the mapper is closed; an old one
// may end for the sake of a new one, which connections that stand outlive. Map
// itself takes a second at most.
func (m *Mapper) Map(ctx context.Context, listener netip.AddrPort) (netip.AddrPort, error) {
	m.Seek()
	entry, err := m.enter(ctx, listener)
	if err != nil {
		return netip.AddrPort{}, err
	}
	call, cancel := context.WithTimeout(entry.ctx, mapTimeout)
	defer cancel()
	public, life, err := entry.open(call)
	m.notice(entry.router)
	if err != nil {
		m.leave(entry)
		if ctx.Err() == nil {
			m.lost(entry.router, err)
		}
		return netip.AddrPort{}, fmt.Errorf("portmap: %s at %v: %w", entry.router.protocol(), entry.router.addr(), err)
	}
	if !m.goWhileOpen(func() { entry.keep(life) }) {
		m.leave(entry)
		entry.close()
		return netip.AddrPort{}, ErrClosed
	}
	return public, nil
}

// goWhileOpen runs f on a goroutine that Close waits for, unless it is too late.
func (m *Mapper) goWhileOpen(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return false
	}
	m.tasks.Go(f)
	return true
}

// enter makes place for a mapping.
func (m *Mapper) enter(ctx context.Context, listener netip.AddrPort) (*mapping, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r := m.router; {
	case m.ctx.Err() != nil:
		return nil, ErrClosed
	case r == nil:
		return nil, ErrNoRouter
	case r.local() != listener.Addr().Unmap().WithZone(""):
		return nil, ErrElsewhere
	case listener.Port() == 0:
		return nil, errNoPort // routers take it for all ports
	}
	if len(m.mappings) >= maxMappings {
		oldest := m.mappings[0]
		if time.Since(oldest.made) < youth {
			return nil, ErrFull
		}
		oldest.end()
		m.mappings = m.mappings[1:]
	}
	entry := &mapping{mapper: m, router: m.router, internal: listener.Port(), made: time.Now()}
	entry.ctx, entry.end = context.WithCancel(ctx)
	m.mappings = append(m.mappings, entry)
	return entry, nil
}

func (m *Mapper) leave(entry *mapping) {
	entry.end()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, e := range m.mappings {
		if e == entry {
			m.mappings = append(m.mappings[:i], m.mappings[i+1:]...)
			return
		}
	}
}

// Close removes all mappings, and waits for that.
func (m *Mapper) Close() error {
	m.mu.Lock()
	m.cancel()
	m.mu.Unlock()
	m.tasks.Wait()
	return nil
}

// Report is what Probe found.
type Report struct {
	Protocol string         // "UPnP" or "NAT-PMP"
	Router   netip.Addr     // on our network
	Public   netip.AddrPort // to which a port of ours was mapped for the moment
}

// Probe looks for a router now and tries whether it maps a port. Of a router that
// is there and does not, it reports that with the error.
func (m *Mapper) Probe(ctx context.Context) (Report, error) {
	find, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	r, err := m.find(find)
	if err != nil {
		if refuses := (*unconnected)(nil); errors.As(err, &refuses) {
			return Report{Protocol: refuses.protocol(), Router: refuses.addr()}, ErrAddress
		}
		return Report{}, err
	}
	report := Report{Protocol: r.protocol(), Router: r.addr()}
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.local(), 0)))
	if err != nil {
		return report, err
	}
	defer ln.Close()
	life, end := context.WithCancel(ctx)
	defer end()
	entry := &mapping{mapper: m, router: r, internal: ln.Addr().(*net.TCPAddr).AddrPort().Port(), ctx: life}
	call, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	report.Public, _, err = entry.open(call)
	if err == nil {
		entry.close()
	}
	return report, err
}
