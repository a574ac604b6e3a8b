// Package nat finds ways by which a device behind a NAT is reached: a port at the
// router ([rollcall/nat/portmap]), and an address at a relay
// ([rollcall/nat/relay]). Without either, a device behind a NAT connects only to
// those who are reachable themselves.
//
// A port is mapped for each attempt to connect, since each has listeners of its
// own: the router is known by then, and one request to it costs less than to keep
// ports open that nobody needs. The ways are looked for side by side, each within
// its time; one that fails is passed over, and a relay that failed is left alone
// for a while.
package nat

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/nat/portmap"
	"rollcall/nat/relay"
)

const (
	// relayTimeout is how long an attempt to connect waits for a relay: less than
	// it waits for all ways together (peer.GatherLimit).
	relayTimeout = 1500 * time.Millisecond
	// relayRest is how long a relay that failed is left alone, so that it does not
	// hold up every attempt.
	relayRest = time.Minute
	// maxPermits bounds the addresses of a peer that may connect at the relay.
	maxPermits = 12
)

// Settings say by which ways an account is reached. The zero Settings are none.
type Settings struct {
	// Mapping has the router map ports.
	Mapping bool
	// Relay is the relay to use; with an empty Addr, none.
	Relay relay.Server
	// Public is the address as which others see us, if the user knows.
	Public netip.Addr
}

// Ways are those of one account. It is safe for concurrent use. Make one with New.
type Ways struct {
	mapper *portmap.Mapper
	log    *slog.Logger

	mu       sync.Mutex // protects all below
	settings Settings
	routed   bool      // there may be a router, as Prepare was told
	resting  time.Time // until when the relay is left alone
}

// New returns ways with these settings. mapper may serve several, and is not
// closed with them; nil maps no ports. logger may be nil.
func New(mapper *portmap.Mapper, s Settings, logger *slog.Logger) *Ways {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Ways{mapper: mapper, settings: s, log: logger}
}

// Set changes the settings, for attempts from now on.
func (w *Ways) Set(s Settings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !sameRelay(s.Relay, w.settings.Relay) {
		w.resting = time.Time{}
	}
	w.settings = s
	w.seekLocked()
}

func sameRelay(a, b relay.Server) bool {
	return a.Addr == b.Addr && a.Username == b.Username && a.Password == b.Password && a.Realm == b.Realm
}

// Prepare looks for the router, if there may be one for a host that listens at
// these addresses: by the first attempt it is known.
func (w *Ways) Prepare(listening []netip.AddrPort) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routed = slices.ContainsFunc(listening, func(a netip.AddrPort) bool {
		return a.Addr().Unmap().Is4() && a.Addr().IsUnspecified() || behindRouter(a.Addr())
	})
	w.seekLocked()
}

func (w *Ways) seekLocked() {
	if w.routed && w.settings.Mapping && w.mapper != nil {
		w.mapper.Seek()
	}
}

// NetworkChanged gives the relay another chance.
func (w *Ways) NetworkChanged() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resting = time.Time{}
}

// Gather adds to an agent what it finds in less than peer.GatherLimit. Ports stay
// mapped until ctx ends. What it returns lets the peer connect at the relay. It is
// what peer.Config wants for its Gather.
func (w *Ways) Gather(ctx context.Context, a *ice.Agent) (met func(peer signaling.Description)) {
	w.mu.Lock()
	s, rested := w.settings, !time.Now().Before(w.resting)
	w.mu.Unlock()
	if s.Public.IsValid() {
		addReflexive(a, s.Public)
	}
	var tasks sync.WaitGroup
	if s.Mapping && w.mapper != nil {
		for _, at := range a.Addrs() {
			if behindRouter(at.Addr()) {
				tasks.Go(func() { w.addMapped(ctx, a, at) })
			}
		}
	}
	var ln *relay.Listener
	if s.Relay.Addr != "" && rested {
		tasks.Go(func() { ln = w.addRelay(ctx, a, s.Relay) })
	}
	tasks.Wait()
	if ln == nil {
		return nil
	}
	addReflexive(a, ln.Reflexive())
	return func(peer signaling.Description) { ln.Permit(addrsOf(peer)...) }
}

// addMapped offers a port of the router.
func (w *Ways) addMapped(ctx context.Context, a *ice.Agent, listener netip.AddrPort) {
	public, err := w.mapper.Map(ctx, listener)
	if err != nil {
		w.log.Debug("no port mapped", "err", err)
		return
	}
	_ = a.AddMapped(public) // one way less
}

// addRelay offers an address at the relay, and returns the listener there.
func (w *Ways) addRelay(ctx context.Context, a *ice.Agent, server relay.Server) *relay.Listener {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	ln, err := server.Listen(limited)
	if err != nil {
		w.log.Debug("no relay", "err", err)
		w.rest(ctx, server, began)
		return nil
	}
	at, _ := netip.ParseAddrPort(ln.Addr().String())
	if err := a.AddRelay(at, ln); err != nil {
		ln.Close()
		return nil
	}
	return ln
}

// rest leaves the relay alone for a while, unless that it failed was our doing.
func (w *Ways) rest(ctx context.Context, server relay.Server, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() == nil && sameRelay(server, w.settings.Relay) {
		w.resting = began.Add(relayRest)
	}
}

// addReflexive offers the address as which others see us, unless it is offered.
func addReflexive(a *ice.Agent, public netip.Addr) {
	offered := addrsOf(a.Description())
	if public.IsGlobalUnicast() && !slices.Contains(offered, public) {
		_ = a.AddReflexive(public) // one way less
	}
}

// addrsOf returns the addresses from which a peer may come: those which others see
// first.
func addrsOf(d signaling.Description) []netip.Addr {
	var public, own []netip.Addr
	for _, c := range d.Candidates {
		list := &own
		if c.Type != signaling.Host {
			list = &public
		}
		if addr := c.Addr.Addr(); !slices.Contains(*list, addr) {
			*list = append(*list, addr)
		}
	}
	all := append(public, own...)
	return all[:min(len(all), maxPermits)]
}

// shared are the addresses between a provider's NAT and its customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// behindRouter reports whether a host with this address needs a router's help.
func behindRouter(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.Is4() && (addr.IsPrivate() || shared.Contains(addr))
}

// ErrBehindAnother reports a router that is itself behind a NAT: ports that it maps
// lead nowhere.
var ErrBehindAnother = errors.New("nat: the router is behind another NAT")

// CheckPublic reports whether a mapped port can be reached by others, when they see
// us as one of the addresses seen.
func CheckPublic(mapped netip.Addr, seen []netip.Addr) error {
	if behindRouter(mapped) || len(seen) > 0 && !slices.Contains(seen, mapped) {
		return ErrBehindAnother
	}
	return nil
}
