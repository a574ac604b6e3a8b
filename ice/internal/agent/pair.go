package agent

import (
	"net/netip"

	"rollcall/ice/internal/wire"
	"rollcall/ice/signaling"
)

// Pair returns of which types the candidates of the selected connection are. A
// connection tells the addresses of its ends only, so where a NAT lies between
// them it is what the descriptions of both sides make of these.
func (a *Agent) Pair() (ours, theirs signaling.Type) {
	l := a.selected
	switch {
	case l == nil:
		return signaling.Host, signaling.Host
	case l.dialed:
		return l.seenAs, l.theirType
	}
	theirs = typeOf(a.remote.Candidates, l.addr.Addr())
	switch {
	case l.relayed:
		ours = signaling.Relayed
	case a.mapped(l.local.Addr()) && (theirs != signaling.Host || l.local.Addr().IsPrivate() && !l.addr.Addr().IsPrivate()):
		ours = signaling.ServerReflexive // from beyond the router: by the port that is mapped there
	}
	return ours, theirs
}

// typeOf returns the type of the candidate at an address, which is learnt from a
// connection when nobody has told of it.
func typeOf(candidates []signaling.Candidate, addr netip.Addr) signaling.Type {
	for _, c := range candidates {
		if c.Addr.Addr() == addr {
			return c.Type
		}
	}
	return signaling.PeerReflexive
}

// mapped reports whether we have told of a port at a router that leads to an
// address of ours.
func (a *Agent) mapped(addr netip.Addr) bool {
	for _, c := range a.local.Candidates {
		if c.Type == signaling.ServerReflexive && c.TCPType == signaling.Passive && c.Addr.Addr().Is4() == addr.Is4() {
			return true
		}
	}
	return false
}

// seen notes as whom the peer sees us on a connection that we have opened.
func (a *Agent) seen(l *link, m *wire.Message) {
	if at, ok := m.Mapped(); ok && l.dialed {
		l.seenAs = typeOf(a.local.Candidates, at.Addr().Unmap())
	}
}
