package agent

import (
	"time"

	"rollcall/ice/internal/wire"
)

// Tick runs what is due at now.
func (a *Agent) Tick(now time.Time) {
	if a.over {
		if a.selected != nil && !now.Before(a.keepalive) {
			a.emit(Effect{Kind: Send, Link: a.selected.id, Frame: wire.AppendKeepalive(nil, a.transaction())})
			a.schedule(now)
		}
		return
	}
	for i := 0; i < len(a.links); i++ {
		l := a.links[i]
		if a.tickLink(now, l); i < len(a.links) && a.links[i] != l {
			i-- // it is gone, and another stands in its place
		}
	}
	a.progress(now)
}

// tickLink runs what is due of one link.
func (a *Agent) tickLink(now time.Time, l *link) {
	switch {
	case l.state == planned:
		if !now.Before(later(l.deadline, a.nextDial)) {
			l.state, l.deadline = dialing, now.Add(dialTimeout)
			l.dials++
			a.nextDial = now.Add(dialPause)
			a.emit(Effect{Kind: Dial, Link: l.id, Addr: l.addr})
		}
	case !l.deadline.IsZero() && !now.Before(l.deadline):
		a.drop(now, l)
	case l.check != nil && !now.Before(l.check.due):
		if l.check.sent == transmissions {
			a.drop(now, l)
		} else {
			a.transmit(now, l)
		}
	}
}

// progress draws the consequences of where the links stand: nominate, wait, or
// give up.
func (a *Agent) progress(now time.Time) {
	if a.over || a.started.IsZero() {
		return
	}
	if a.controlling {
		a.nominate(now)
	}
	busy := false
	for _, l := range a.links {
		busy = busy || l.pending()
	}
	switch {
	case busy:
		a.idle = time.Time{}
	case a.idle.IsZero():
		a.idle = now
	}
	switch {
	case !now.Before(a.started.Add(totalTimeout)):
		a.fail(a.reason(ErrTimeout))
	case len(a.links) == 0 && !a.acceptable():
		a.fail(a.reason(ErrNoPair))
	case !busy && !now.Before(a.idle.Add(idleTimeout)):
		a.fail(a.reason(ErrUnreachable))
	}
}

// pending reports whether something is under way that ends by itself.
func (l *link) pending() bool { return l.state != open || l.check != nil || !l.deadline.IsZero() }

// reason says what the connections that stand or stood make of err.
func (a *Agent) reason(err error) error {
	for _, l := range a.links {
		if l.valid && !a.controlling {
			return ErrNotNominated
		}
	}
	if err == ErrNoPair && a.lastLink > 0 {
		return ErrUnreachable
	}
	return err
}

// nominate chooses, as the controlling side, one of the connections that passed
// their check: a direct one at once, a relayed one if nothing better comes soon
// (peer spec 1.6).
func (a *Agent) nominate(now time.Time) {
	var best *link
	better := false // may a direct one still come?
	for _, l := range a.links {
		switch {
		case l.check != nil && l.check.nominate:
			return
		case !l.valid:
			better = better || !l.relayed && l.pending()
		case best == nil || best.relayed && !l.relayed ||
			best.relayed == l.relayed && a.priority(l) > a.priority(best):
			best = l
		}
	}
	if best == nil || best.relayed && better && now.Before(a.valid.Add(relayDelay)) {
		return
	}
	a.request(now, best, true)
}

// choose ends the search with l. The other connections close at once, lest a
// peer move to one of them (peer spec 2.2).
func (a *Agent) choose(now time.Time, l *link) {
	for _, other := range a.links {
		if other != l && other.state != planned {
			a.emit(Effect{Kind: Close, Link: other.id})
		}
	}
	a.links = []*link{l}
	a.selected, a.over = l, true
	a.schedule(now)
	a.emit(Effect{Kind: Select, Link: l.id})
}

// Sent tells that something else was sent on the selected connection: the next
// keepalive is due as long after that.
func (a *Agent) Sent(now time.Time) {
	if a.selected != nil {
		a.schedule(now)
	}
}

// schedule sets the time of the next keepalive.
func (a *Agent) schedule(now time.Time) {
	a.keepalive = now.Add(keepalive)
}

// fail ends the agent.
func (a *Agent) fail(err error) {
	if a.over {
		return
	}
	for _, l := range a.links {
		if l.state != planned {
			a.emit(Effect{Kind: Close, Link: l.id})
		}
	}
	a.links, a.over = nil, true
	a.emit(Effect{Kind: Fail, Err: err})
}

// NextDeadline reports when Tick must be called next; zero means never. There
// are too few links for a heap to be worth it.
func (a *Agent) NextDeadline() time.Time {
	if a.over {
		return a.keepalive // zero after a failure
	}
	var next time.Time
	if !a.started.IsZero() {
		next = a.started.Add(totalTimeout)
		next = sooner(next, add(a.idle, idleTimeout))
		if a.controlling {
			next = sooner(next, a.relayDeadline())
		}
	}
	for _, l := range a.links {
		switch {
		case l.state == planned:
			next = sooner(next, later(later(l.deadline, a.nextDial), a.started))
		default:
			next = sooner(next, l.deadline)
			if l.check != nil {
				next = sooner(next, l.check.due)
			}
		}
	}
	return next
}

// relayDeadline is when a relayed connection is good enough; zero if none waits
// for that.
func (a *Agent) relayDeadline() time.Time {
	for _, l := range a.links {
		if l.check != nil && l.check.nominate {
			return time.Time{}
		}
	}
	for _, l := range a.links {
		if l.valid {
			return add(a.valid, relayDelay)
		}
	}
	return time.Time{}
}

func add(t time.Time, d time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(d)
}

func later(t, u time.Time) time.Time {
	if u.After(t) {
		return u
	}
	return t
}

// sooner returns the earlier of two times of which zero is never.
func sooner(t, u time.Time) time.Time {
	if t.IsZero() || !u.IsZero() && u.Before(t) {
		return u
	}
	return t
}
