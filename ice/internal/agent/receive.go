package agent

import (
	"strings"
	"time"

	"rollcall/ice/internal/wire"
	"rollcall/ice/signaling"
)

// reflexivePriority is what a check says of the candidate that the peer may
// learn from it.
var reflexivePriority = signaling.Priority(signaling.PeerReflexive, 0)

// Receive takes a STUN message, without its frame's header, that came on a
// connection. Before the selection a message that is not right ends its
// connection; afterwards it is passed over: the stream has its own protection.
func (a *Agent) Receive(now time.Time, id LinkID, message []byte) {
	l := a.find(id)
	if l == nil || l.state != open {
		return
	}
	m, err := wire.ParseMessage(message)
	ok := err == nil
	if ok {
		switch m.Kind {
		case wire.KindRequest:
			ok = a.answer(now, l, m)
		case wire.KindSuccess:
			ok = a.succeed(now, l, m)
		case wire.KindError:
			ok = a.refused(now, l, m)
		}
	}
	if !ok && !a.over {
		a.drop(now, l)
	}
}

// answer treats a check of the peer. It may come before we know the peer's
// description, whose password answers do not need.
func (a *Agent) answer(now time.Time, l *link, m *wire.Message) bool {
	to, from, _ := strings.Cut(m.Request.Username, ":")
	if to != a.local.Ufrag || from == "" || !m.Verify(a.local.Password) ||
		!a.started.IsZero() && from != a.remote.Ufrag {
		return false
	}
	if m.Request.Controlling == a.controlling && !a.over {
		// RFC 5245 section 7.2.1.1: the larger tie-breaker controls.
		if (a.tieBreaker >= m.Request.TieBreaker) == a.controlling {
			a.emit(Effect{Kind: Send, Link: l.id, Frame: wire.AppendRoleConflict(nil, m.ID, a.local.Password)})
			return true
		}
		a.controlling = !a.controlling
	}
	a.emit(Effect{Kind: Send, Link: l.id, Frame: wire.AppendSuccess(nil, m.ID, l.addr, a.local.Password)})
	if a.over {
		return true
	}
	l.peerUfrag = from
	if !l.dialed {
		l.deadline, l.theirPriority = time.Time{}, m.Request.Priority
	}
	if m.Request.Nominate && !a.controlling {
		l.nominated = true
	}
	a.greet(now, l)
	a.adopt(now)
	a.progress(now)
	return true
}

// adopt selects the connection that a controlling peer chose.
func (a *Agent) adopt(now time.Time) {
	if a.controlling || a.over || a.started.IsZero() {
		return
	}
	for _, l := range a.links {
		if l.nominated {
			a.choose(now, l)
			return
		}
	}
}

// succeed treats the answer to a check of ours.
func (a *Agent) succeed(now time.Time, l *link, m *wire.Message) bool {
	c := l.check
	if c == nil || c.id != m.ID || a.over {
		return true // the answer to a check that was repeated
	}
	if !m.Verify(a.remote.Password) {
		return false
	}
	l.check, l.valid = nil, true
	a.seen(l, m)
	if a.valid.IsZero() {
		a.valid = now
	}
	if c.nominate && a.controlling {
		a.choose(now, l)
	}
	a.progress(now)
	return true
}

// refused treats an error. But for a conflict of roles it ends the connection.
func (a *Agent) refused(now time.Time, l *link, m *wire.Message) bool {
	c := l.check
	if c == nil || c.id != m.ID || a.over {
		return true
	}
	if m.Code != wire.CodeRoleConflict || l.conflicts == maxConflicts || !m.Verify(a.remote.Password) {
		return false
	}
	l.conflicts++
	if a.controlling == c.controlling {
		a.controlling = !a.controlling
	}
	// The role of the peer may have changed as well since it wrote this, so what
	// is sent now carries the present one, and chooses nothing.
	a.request(now, l, false)
	a.adopt(now)
	return true
}
