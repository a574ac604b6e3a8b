package engine

import (
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/wire"
)

// postponed is a get whose answer is too large for an address that has proved
// nothing: it is answered again from the start once the address has.
type postponed struct {
	tid    uint32
	key    infohash.Hash
	query  []byte
	hasQ   bool
	want   wire.Want
	expiry time.Time
}

// deferred holds the postponed gets by address.
type deferred struct {
	byAddr map[netip.AddrPort][]postponed
	count  int
}

// isProven reports whether addr has shown that it receives what is sent to it.
func (e *Engine) isProven(now time.Time, addr netip.AddrPort) bool { return e.proven.has(now, addr) }

// postpone sends a ping, the one datagram that an unproven address gets, and
// keeps m until it is answered.
func (e *Engine) postpone(now time.Time, f *family, from netip.AddrPort, m *wire.Message) {
	waiting := e.deferred.byAddr[from]
	if e.deferred.count >= maxDeferred || len(waiting) >= maxDeferredPerAddress || len(m.Query) > maxDeferredQuery {
		e.stats.Dropped.Limited++
		return
	}
	if slices.ContainsFunc(waiting, func(p postponed) bool { return p.tid == m.TID }) {
		return
	}
	e.deferred.count++
	e.deferred.byAddr[from] = append(waiting, postponed{
		tid: m.TID, key: m.Key, query: slices.Clone(m.Query), hasQ: m.Query != nil, want: m.Want,
		expiry: now.Add(deferredLife),
	})
	if len(waiting) > 0 {
		return
	}
	e.ping(now, from, true, search.Handler{
		Reply: func(now time.Time, _ *wire.Message, _ []*routing.Node) { e.resume(now, f, from) },
		Fail:  func(time.Time, error) { e.drop(from) },
	})
}

func (e *Engine) drop(from netip.AddrPort) []postponed {
	waiting := e.deferred.byAddr[from]
	delete(e.deferred.byAddr, from)
	e.deferred.count -= len(waiting)
	return waiting
}

// resume answers what an address had asked before it proved itself.
func (e *Engine) resume(now time.Time, f *family, from netip.AddrPort) {
	for _, p := range e.drop(from) {
		if now.After(p.expiry) {
			continue
		}
		m := wire.Message{Kind: wire.Request, Method: wire.Get, TID: p.tid, Key: p.key, Query: p.query, Want: p.want}
		e.serveGet(now, f, from, &m)
	}
}
