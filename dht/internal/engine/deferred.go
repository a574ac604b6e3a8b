package engine

import (
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/wire"
)

// postponed is a request of an address that has proved nothing: it is served once
// the address has.
type postponed struct {
	request wire.Message
	expiry  time.Time
}

// deferred holds the postponed requests by address.
type deferred struct {
	byAddr map[netip.AddrPort][]postponed
	count  int
}

// isProven reports whether addr has shown that it receives what is sent to it.
func (e *Engine) isProven(now time.Time, addr netip.AddrPort) bool { return e.proven.has(now, addr) }

// postpone sends a ping, the one datagram that an unproven address gets, and
// keeps m until it is answered. It reports false where too much waits already.
func (e *Engine) postpone(now time.Time, f *family, from netip.AddrPort, m *wire.Message) bool {
	waiting := e.deferred.byAddr[from]
	if e.deferred.count >= maxDeferred || len(waiting) >= maxDeferredPerAddress || len(m.Query) > maxDeferredQuery {
		e.stats.Dropped.Limited++
		return false
	}
	if slices.ContainsFunc(waiting, func(p postponed) bool { return p.request.TID == m.TID }) {
		return true
	}
	e.deferred.count++
	e.deferred.byAddr[from] = append(waiting, postponed{wire.Message{
		Kind: wire.Request, Method: m.Method, TID: m.TID, Key: m.Key, Query: slices.Clone(m.Query), Want: m.Want,
	}, now.Add(deferredLife)})
	if len(waiting) == 0 {
		e.ping(now, from, true, search.Handler{
			Reply: func(now time.Time, _ *wire.Message, _ []*routing.Node) { e.resume(now, f, from) },
			Fail:  func(time.Time, error) { e.drop(from) },
		})
	}
	return true
}

func (e *Engine) drop(from netip.AddrPort) []postponed {
	waiting := e.deferred.byAddr[from]
	delete(e.deferred.byAddr, from)
	e.deferred.count -= len(waiting)
	return waiting
}

// resume serves what an address had asked before it proved itself.
func (e *Engine) resume(now time.Time, f *family, from netip.AddrPort) {
	for _, p := range e.drop(from) {
		if !now.After(p.expiry) {
			e.serve(now, f, from, &p.request)
		}
	}
}
