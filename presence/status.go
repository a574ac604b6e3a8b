package presence

import "time"

// Status is what clients see of an account (presence spec 1).
type Status uint8

// The statuses.
const (
	Offline   Status = iota // no announced device
	Online                  // at least one device is announced on the network
	Connected               // a message channel with at least one device is open
)

func (s Status) String() string { return [...]string{"offline", "online", "connected"}[s] }

// Cause tells why a status is told (presence spec 6).
type Cause uint8

// The causes.
const (
	CauseDevices    Cause = iota // a device appeared, or the last one is gone
	CauseChannel                 // a message channel was opened, or the last one closed
	CauseSubscribed              // no change: a client subscribed, and it is not offline
	CauseStopped                 // we left the network ourselves
	CauseNote                    // no change: it has told its note
)

func (c Cause) String() string {
	return [...]string{"devices", "channel", "subscribed", "stopped", "note"}[c]
}

// Change is one entry of a presence history: another status, or a note.
type Change struct {
	At     time.Time
	Status Status
	Noted  bool   // the status is as before, and Note was told
	Note   string // "" = taken back
}

// Verdict is what is known of the certificate of a device (threat A2).
type Verdict uint8

// The verdicts. A device counts unless it is known to be Foreign or Revoked.
const (
	Unknown Verdict = iota // no certificate found yet
	Genuine                // its certificate leads to the account
	Foreign                // its certificate does not
	Revoked                // a revocation list of the account names it
)

func (v Verdict) refused() bool { return v == Foreign || v == Revoked }

func (v Verdict) String() string {
	return [...]string{"unknown", "genuine", "foreign", "revoked"}[v]
}

// settle derives the status of p from its devices and channels and tells a
// change. Online is told at once; offline only when the dwell time has passed
// without a device.
func (t *Tracker) settle(now time.Time, p *peer, cause Cause) {
	if len(p.devices) > 0 {
		if !p.offlineAt.IsZero() {
			p.flaps++
			p.offlineAt = time.Time{}
		}
		p.online = true
	} else if p.online {
		if p.offlineAt.IsZero() {
			p.offlineAt = now.Add(t.cfg.Dwell)
		}
		if !p.offlineAt.After(now) {
			p.online = false
			p.offlineAt = time.Time{}
		}
	}
	if status := p.derive(); status != p.status {
		was := p.status
		p.status = status
		t.remember(p, Change{At: now, Status: status})
		t.tell(now, p, was, cause)
		t.tellNote(now, p)
	}
}

// derive returns the status that follows from channels and devices.
func (p *peer) derive() Status {
	switch {
	case len(p.channels) > 0:
		return Connected
	case p.online:
		return Online
	default:
		return Offline
	}
}

// alive notes a sign of life. The time of the last one is stored now and then,
// so that it is about right even when we are killed.
func (t *Tracker) alive(now time.Time, p *peer) {
	p.lastSeen = now
	if now.Sub(p.saved) >= saveGap {
		t.save(now, p)
	}
}

// remember notes another status in the history and stores what outlives a restart.
func (t *Tracker) remember(p *peer, c Change) {
	p.since = c.At
	t.keep(p, c)
	t.save(c.At, p)
}

// keep appends to the history, within its limit.
func (t *Tracker) keep(p *peer, c Change) {
	if t.cfg.History == 0 {
		return
	}
	if n := len(p.history); n >= t.cfg.History {
		p.history = append(p.history[:0], p.history[n-t.cfg.History+1:]...)
	}
	p.history = append(p.history, c)
}

func (t *Tracker) save(now time.Time, p *peer) {
	p.saved = now
	t.emit(SaveMemory{p.account, p.memory()})
}

func (t *Tracker) tell(now time.Time, p *peer, was Status, cause Cause) {
	t.emit(StatusChanged{p.account, p.status, was, now, cause, p.subscriptions > 0, ""})
}
