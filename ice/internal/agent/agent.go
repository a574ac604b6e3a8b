// Package agent is one side of ICE over TCP as a function of its input: it says
// whom to connect to, checks each connection, and settles with the peer on one
// of them.
//
// Each connection is a candidate pair: one that we opened leads from our active
// candidate to a passive one of the peer, one that we accepted to a
// peer-reflexive one. Source: peer spec 2.2, 2.4 and 2.6; RFC 5245, RFC 6544.
package agent

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"rollcall/ice/internal/wire"
	"rollcall/ice/signaling"
)

// Agent is one side of one connection to be. It is not safe for concurrent use
// and never blocks. Its owner carries out the effects, in order, and calls Tick
// at NextDeadline.
type Agent struct {
	secrets     io.Reader
	controlling bool
	tieBreaker  uint64

	local   signaling.Description
	remote  signaling.Description
	started time.Time // when remote was given; zero = not yet

	links    []*link // in the order of their making
	lastLink LinkID
	nextDial time.Time // no dialling before
	valid    time.Time // when the first connection passed its check; zero = none
	idle     time.Time // since when no attempt is under way; zero = some are

	selected  *link
	keepalive time.Time // when the next is due
	over      bool      // selected or failed

	effects []Effect
}

// New returns an agent without candidates. The answerer of a request is
// controlling (peer spec 1.3, 1.4). secrets gives credentials and transaction ids;
// its errors show here or end the agent.
func New(controlling bool, secrets io.Reader) (*Agent, error) {
	a := &Agent{controlling: controlling, secrets: secrets}
	var b [ufragSize + passwordSize + 8]byte
	if _, err := io.ReadFull(secrets, b[:]); err != nil {
		return nil, fmt.Errorf("ice: credentials: %w", err)
	}
	a.local.Ufrag = hex.EncodeToString(b[:ufragSize])
	a.local.Password = hex.EncodeToString(b[ufragSize : ufragSize+passwordSize])
	a.tieBreaker = binary.BigEndian.Uint64(b[ufragSize+passwordSize:])
	return a, nil
}

// AddCandidate offers an address to the peer; foundation and priority follow
// from it. Those offered first are preferred among equals.
func (a *Agent) AddCandidate(t signaling.Type, tcp signaling.TCPType, addr netip.AddrPort) error {
	if !a.started.IsZero() || a.over {
		return ErrStarted
	}
	index := len(a.local.Candidates)
	if index == signaling.MaxCandidates {
		return ErrFull
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
	a.local.Candidates = append(a.local.Candidates, signaling.Candidate{
		Foundation: signaling.Foundation(t, addr.Addr()),
		Priority:   signaling.Priority(t, index),
		Addr:       addr,
		Type:       t,
		TCPType:    tcp,
	})
	return nil
}

// Local returns what to tell the peer. The candidates must not be changed.
func (a *Agent) Local() signaling.Description { return a.local }

// Controlling reports the role, which a conflict with the peer may have changed.
func (a *Agent) Controlling() bool { return a.controlling }

// SetRemote gives the description of the peer and begins the checks.
func (a *Agent) SetRemote(now time.Time, d signaling.Description) error {
	if !a.started.IsZero() || a.over {
		return ErrStarted
	}
	a.remote, a.started = d, now
	a.plan()
	for _, l := range slices.Clone(a.links) {
		if l.state != open {
			continue
		}
		if l.peerUfrag != "" && l.peerUfrag != d.Ufrag {
			a.drop(now, l)
			continue
		}
		a.greet(now, l)
	}
	a.adopt(now)
	a.Tick(now)
	return nil
}

// plan makes a link for each candidate of the peer that we may connect to, in
// the order of their pairs' priorities.
func (a *Agent) plan() {
	var planned []*link
	relays := 0
	for _, c := range a.remote.Candidates {
		local := a.activeFor(c.Addr.Addr())
		if c.TCPType != signaling.Passive || local == nil || !a.dialable(c.Addr) ||
			slices.ContainsFunc(planned, func(l *link) bool { return l.addr == c.Addr }) {
			continue
		}
		if c.Type == signaling.Relayed {
			if relays++; relays > maxRelays {
				continue
			}
		}
		planned = append(planned, &link{
			addr:        c.Addr,
			relayed:     c.Type == signaling.Relayed,
			dialed:      true,
			theirType:   c.Type,
			ourPriority: local.Priority, theirPriority: c.Priority,
		})
	}
	slices.SortStableFunc(planned, func(l, m *link) int { return cmp.Compare(a.priority(m), a.priority(l)) })
	for _, l := range planned[:min(len(planned), maxDials)] {
		a.add(l)
	}
}

// dialable reports whether a peer may have us connect to addr. To ourselves it
// may only if we said that we are there.
func (a *Agent) dialable(addr netip.AddrPort) bool {
	ip := addr.Addr()
	if ip.IsUnspecified() || ip.IsMulticast() || addr.Port() == 0 {
		return false
	}
	return !ip.IsLoopback() || slices.ContainsFunc(a.local.Candidates, func(c signaling.Candidate) bool {
		return c.Addr.Addr().IsLoopback()
	})
}

// activeFor returns our best active candidate of the family of ip, or nil.
func (a *Agent) activeFor(ip netip.Addr) *signaling.Candidate {
	for i := range a.local.Candidates {
		c := &a.local.Candidates[i]
		if c.TCPType == signaling.Active && c.Addr.Addr().Is4() == ip.Is4() {
			return c
		}
	}
	return nil
}

// acceptable reports whether the peer could open a connection to us.
func (a *Agent) acceptable() bool {
	passive := slices.ContainsFunc(a.local.Candidates, func(c signaling.Candidate) bool {
		return c.TCPType == signaling.Passive
	})
	return passive && len(a.remote.Candidates) > 0
}

// Accept takes a connection that somebody opened to our candidate local, at a
// relay if relayed; false means to close it.
func (a *Agent) Accept(now time.Time, local, remote netip.AddrPort, relayed bool) (LinkID, bool) {
	accepted := 0
	for _, l := range a.links {
		if !l.dialed {
			accepted++
		}
	}
	if a.over || accepted >= maxAccepted {
		return 0, false
	}
	l := &link{state: open, addr: remote, local: local, relayed: relayed, deadline: now.Add(helloTimeout)}
	for _, c := range a.local.Candidates {
		if c.TCPType == signaling.Passive && (c.Addr == local || l.ourPriority == 0 && (c.Type == signaling.Relayed) == relayed) {
			l.ourPriority = c.Priority
		}
	}
	a.add(l)
	return l.id, true
}

func (a *Agent) add(l *link) {
	a.lastLink++
	l.id = a.lastLink
	a.links = append(a.links, l)
}

// Dialed reports that the connection asked for stands.
func (a *Agent) Dialed(now time.Time, id LinkID) {
	if l := a.find(id); l != nil && l.state == dialing {
		l.state, l.deadline = open, time.Time{}
		a.greet(now, l)
	}
}

// Closed reports that a connection ended, or could not be made.
func (a *Agent) Closed(now time.Time, id LinkID) {
	l := a.find(id)
	if l == nil || a.over {
		return
	}
	// A relay that does not permit us yet refuses, or accepts and then closes.
	if l.dialed && l.relayed && !l.valid && l.peerUfrag == "" && l.dials < relayDials {
		l.state, l.deadline, l.check = planned, now.Add(relayPause), nil
		return
	}
	a.remove(l)
	a.progress(now)
}

// Data reports bytes of the stream on a connection that is not selected, and
// says whether to keep them until it is. From whom has not said who they are
// they end the connection.
func (a *Agent) Data(now time.Time, id LinkID) bool {
	l := a.find(id)
	if l == nil {
		return false
	}
	if l.peerUfrag == "" && !l.valid {
		a.drop(now, l)
		return false
	}
	return true
}

// Effects returns what to carry out, in order, and forgets it.
func (a *Agent) Effects() []Effect {
	out := a.effects
	a.effects = nil
	return out
}

func (a *Agent) emit(e Effect) { a.effects = append(a.effects, e) }

func (a *Agent) find(id LinkID) *link {
	for _, l := range a.links {
		if l.id == id {
			return l
		}
	}
	return nil
}

// transaction draws a transaction id.
func (a *Agent) transaction() (id wire.TransactionID) {
	if _, err := io.ReadFull(a.secrets, id[:]); err != nil {
		a.fail(fmt.Errorf("ice: transaction id: %w", err))
	}
	return id
}

// Relayed reports whether the selected connection goes through a relay.
func (a *Agent) Relayed() bool { return a.selected != nil && a.selected.relayed }
