package agent

import (
	"net/netip"
	"time"

	"rollcall/ice/internal/wire"
	"rollcall/ice/signaling"
)

// state is how far a link has come.
type state uint8

const (
	planned state = iota
	dialing
	open
)

// link is a connection, or one to be, and the candidate pair of it.
type link struct {
	id       LinkID
	state    state
	addr     netip.AddrPort // of the peer
	local    netip.AddrPort // ours, of one that we accepted
	dialed   bool           // opened by us
	relayed  bool           // one side is a relay
	dials    int            // attempts so far
	deadline time.Time      // planned: not before; dialing, or silent: until; zero = none

	ourPriority, theirPriority uint32
	seenAs, theirType          signaling.Type // of one that we opened

	check     *check // under way
	valid     bool   // a check of ours was answered
	peerUfrag string // of the peer's first check
	nominated bool   // the peer, controlling, chose this one
	conflicts int    // of roles, that the peer told of
}

// check is a request of ours that waits for its answer.
type check struct {
	id          wire.TransactionID
	frame       []byte
	controlling bool // the role it was sent in
	nominate    bool
	sent        int
	due         time.Time // of the next transmission
}

// priority is that of the candidate pair (RFC 5245 section 5.7.2).
func (a *Agent) priority(l *link) uint64 {
	g, d := uint64(l.theirPriority), uint64(l.ourPriority)
	if a.controlling {
		g, d = d, g
	}
	p := min(g, d)<<32 + 2*max(g, d)
	if g > d {
		p++
	}
	return p
}

// greet begins the check of a connection that stands. One that we accepted waits
// until the peer has said who it is.
func (a *Agent) greet(now time.Time, l *link) {
	if a.started.IsZero() || l.valid || l.check != nil || !l.dialed && l.peerUfrag == "" {
		return
	}
	a.request(now, l, false)
}

// request sends a check.
func (a *Agent) request(now time.Time, l *link, nominate bool) {
	c := &check{id: a.transaction(), controlling: a.controlling, nominate: nominate}
	c.frame = wire.AppendRequest(nil, c.id, &wire.Request{
		Username:    a.remote.Ufrag + ":" + a.local.Ufrag,
		Priority:    reflexivePriority,
		Controlling: a.controlling,
		TieBreaker:  a.tieBreaker,
		Nominate:    nominate,
	}, a.remote.Password)
	l.check = c
	a.transmit(now, l)
}

// transmit sends the check under way, again if need be.
func (a *Agent) transmit(now time.Time, l *link) {
	c := l.check
	c.due = now.Add(retransmit << c.sent)
	if c.sent++; c.sent == transmissions {
		c.due = now.Add(lastWait)
	}
	a.emit(Effect{Kind: Send, Link: l.id, Frame: c.frame})
}

// remove forgets a link.
func (a *Agent) remove(l *link) {
	for i, m := range a.links {
		if m == l {
			a.links = append(a.links[:i], a.links[i+1:]...)
			return
		}
	}
}

// drop closes a link.
func (a *Agent) drop(now time.Time, l *link) {
	if l.state != planned {
		a.emit(Effect{Kind: Close, Link: l.id})
	}
	a.remove(l)
	a.progress(now)
}
