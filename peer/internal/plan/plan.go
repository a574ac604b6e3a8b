// Package plan decides with which devices to connect and when, and which of their
// requests to answer.
//
// A Plan is told what happens: who is announced, which requests and answers
// arrive, what became of attempts and connections. It says what to do as effects.
// It knows devices by their long ids only; who they belong to is the business of
// its driver.
package plan

import (
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/timers"
)

// ConnID numbers the connections of a driver.
type ConnID uint64

// Kind is the kind of an Effect.
type Kind uint8

// The kinds.
const (
	// Ask wants a request to be sent to a device. It is over with Up or Failed.
	Ask Kind = iota
	// Abandon ends an attempt that nobody waits for any more.
	Abandon
	// Check wants a sign of life on a connection.
	Check
	// Drop wants a connection to be closed.
	Drop
	// Forget tells that there is nothing more to do about a device.
	Forget
)

func (k Kind) String() string { return [...]string{"ask", "abandon", "check", "drop", "forget"}[k] }

// Effect is something for the driver to do.
type Effect struct {
	Kind    Kind
	Device  value.LongID
	Request uint64 // of Ask and Abandon
	Conn    ConnID // of Check and Drop
}

// Plan is the state of all attempts and connections of one device of ours. It is
// not safe for concurrent use and never blocks. Make one with New.
type Plan struct {
	self     value.LongID
	rng      *rand.Rand
	devices  map[value.LongID]*device
	attempts map[uint64]*device // by request
	queue    []*device          // due, and waiting for a place among the attempts
	timers   *timers.Queue[*device]
	answers  int // requests that are being answered
	unknown  int // ... of devices that are not wanted
	conns    int
	seen     seen
	askers   askers
	effects  []Effect
}

// New returns the plan of the device self.
func New(self value.LongID, rng *rand.Rand) *Plan {
	return &Plan{
		self: self, rng: rng,
		devices:  make(map[value.LongID]*device),
		attempts: make(map[uint64]*device),
		timers:   timers.New(byID),
		seen:     seen{known: make(map[request]bool)},
	}
}

// Effects appends the pending effects to dst and forgets them, in order.
func (p *Plan) Effects(dst []Effect) []Effect {
	dst = append(dst, p.effects...)
	p.effects = p.effects[:0]
	return dst
}

func (p *Plan) emit(e Effect) { p.effects = append(p.effects, e) }

// Want tells that a device is to be connected: it is announced, or announced
// anew.
func (p *Plan) Want(now time.Time, id value.LongID) {
	if id == p.self {
		return
	}
	d := p.get(id)
	first := !d.wanted && !d.asked
	d.wanted, d.known, d.lingers = true, true, time.Time{}
	switch {
	case len(d.conns) > 0 || d.state > waiting:
	case first && id.String() < p.self.String():
		p.wait(d, now.Add(politeness))
	default:
		p.hurry(now, d)
	}
}

// Unwant tells that it is not announced any more. Its connections stay, and if it
// fell silent it is looked for.
func (p *Plan) Unwant(now time.Time, id value.LongID) {
	if d := p.devices[id]; d != nil {
		d.wanted = false
		if d.lingers.IsZero() {
			p.halt(now, d)
		}
		p.forget(now, d)
	}
}

// GiveUp tells that it must not be asked any more.
func (p *Plan) GiveUp(now time.Time, id value.LongID) {
	if d := p.devices[id]; d != nil {
		d.wanted, d.known, d.lingers = false, false, time.Time{}
		p.halt(now, d)
		p.forget(now, d)
	}
}

// Hurry makes the next attempt to connect a device happen soon, because something
// waits for it.
func (p *Plan) Hurry(now time.Time, id value.LongID) {
	if d := p.devices[id]; d != nil && d.desired(now) {
		p.hurry(now, d)
	}
}

// NetworkChanged tells that our way to the network is another one: connections
// may be dead, and what failed may do now.
func (p *Plan) NetworkChanged(now time.Time) {
	for _, d := range p.sorted() {
		for _, c := range d.conns {
			p.emit(Effect{Kind: Check, Device: d.id, Conn: c})
		}
		if d.desired(now) && len(d.conns) == 0 && d.state == waiting {
			d.failures, d.gap = 0, time.Time{}
			p.wait(d, now.Add(time.Duration(p.rng.Int64N(int64(scatter)))))
		}
	}
}

// hurry makes an attempt due as soon as the last one is long enough ago.
func (p *Plan) hurry(now time.Time, d *device) {
	if len(d.conns) > 0 || d.state > waiting {
		return
	}
	due := now
	if d.gap.After(now) {
		due = d.gap
	}
	if d.state == idle || due.Before(d.Deadline()) {
		p.wait(d, due)
	}
}

// wait makes an attempt due at a time.
func (p *Plan) wait(d *device, due time.Time) {
	d.state = waiting
	p.timers.Set(d, due)
}

// NextDeadline returns when Tick must be called next; zero means never.
func (p *Plan) NextDeadline() time.Time { return p.timers.Next() }

// Tick does what is due at now.
func (p *Plan) Tick(now time.Time) {
	for d, ok := p.timers.Due(now); ok; d, ok = p.timers.Due(now) {
		p.timers.Set(d, time.Time{})
		switch d.state {
		case idle:
			p.forget(now, d)
		case waiting:
			p.due(now, d)
		case asking:
			p.emit(Effect{Kind: Abandon, Device: d.id, Request: d.request})
			p.Failed(now, d.request)
		}
	}
	p.fill(now)
}

// due puts a device in the queue, unless there is no reason to ask it any more.
func (p *Plan) due(now time.Time, d *device) {
	switch {
	case !d.desired(now) || len(d.conns) > 0:
		d.state = idle
		p.forget(now, d)
	case d.answers > 0:
		// It has asked us meanwhile.
		p.wait(d, now.Add(reconnect))
	default:
		d.state = queued
		p.queue = append(p.queue, d)
	}
}

// fill begins attempts while there are places.
func (p *Plan) fill(now time.Time) {
	for len(p.queue) > 0 && len(p.attempts) < maxAttempts && p.conns < maxConns {
		d := p.queue[0]
		p.queue = slices.Delete(p.queue, 0, 1)
		d.state, d.asked, d.gap = asking, true, now.Add(minGap)
		for d.request = 0; d.request == 0 || p.attempts[d.request] != nil; {
			d.request = 1 + p.rng.Uint64N(maxRequestID)
		}
		p.attempts[d.request] = d
		p.timers.Set(d, now.Add(answerTimeout))
		p.emit(Effect{Kind: Ask, Device: d.id, Request: d.request})
	}
}

// Answered tells of an answer, and reports whether it is one to a pending request
// to that device. The attempt goes on until Up or Failed.
func (p *Plan) Answered(from value.LongID, request uint64) bool {
	d := p.attempts[request]
	if d == nil || d.id != from || d.state != asking {
		return false
	}
	d.state = connecting
	p.timers.Set(d, time.Time{})
	return true
}

// Failed tells that an attempt has come to nothing.
func (p *Plan) Failed(now time.Time, request uint64) {
	d := p.end(request)
	if d == nil {
		return
	}
	d.failures++
	p.again(now, d, p.spread(backoff(d.failures)))
	p.fill(now)
}

// end takes an attempt off the list.
func (p *Plan) end(request uint64) *device {
	d := p.attempts[request]
	if d == nil {
		return nil
	}
	delete(p.attempts, request)
	d.state, d.request = idle, 0
	p.timers.Set(d, time.Time{})
	return d
}

// again makes a device due after a wait, if it is still to be connected.
func (p *Plan) again(now time.Time, d *device, wait time.Duration) {
	if d.desired(now) && len(d.conns) == 0 {
		p.wait(d, now.Add(wait))
		return
	}
	p.forget(now, d)
}

// halt ends what is under way to a device.
func (p *Plan) halt(now time.Time, d *device) {
	switch d.state {
	case waiting:
		d.state = idle
		p.timers.Set(d, time.Time{})
	case queued:
		d.state = idle
		p.queue = slices.DeleteFunc(p.queue, func(q *device) bool { return q == d })
	case asking, connecting:
		p.emit(Effect{Kind: Abandon, Device: d.id, Request: d.request})
		p.end(d.request)
		p.fill(now)
	}
}

// backoff returns the wait after so many failures in a row.
func backoff(failures int) time.Duration {
	return min(minBackoff<<min(failures-1, 8), maxBackoff)
}

// spread makes a wait up to a quarter shorter or longer.
func (p *Plan) spread(wait time.Duration) time.Duration {
	return wait - wait/4 + time.Duration(p.rng.Int64N(int64(wait/2)))
}
