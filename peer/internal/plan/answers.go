package plan

import (
	"maps"
	"time"

	"rollcall/dht/value"
)

// Verdict says what to do about a request.
type Verdict uint8

// The verdicts.
const (
	Answer   Verdict = iota // find out who asks, and answer; then call AnswerDone
	Repeated                // it was treated
	Crowded                 // too many are being answered
)

func (v Verdict) String() string { return [...]string{"answer", "repeated", "crowded"}[v] }

// Asked decides about a request that a device has signed.
func (p *Plan) Asked(now time.Time, from value.LongID, id uint64) Verdict {
	d := p.devices[from]
	known := d != nil && d.wanted
	switch {
	case p.seen.has(request{from, id}):
		return Repeated
	case from == p.self,
		p.answers >= maxAnswers, p.conns >= maxConns,
		!known && p.unknown >= maxUnknown,
		d != nil && d.answers >= maxAnswersEach,
		!p.askers.consider(now, from):
		return Crowded
	}
	p.seen.add(request{from, id})
	d = p.get(from)
	d.answers++
	p.answers++
	if !known {
		p.unknown++
		d.strangers++
	}
	return Answer
}

// AnswerDone tells that an answer has led to a connection, which Up has told of,
// or to nothing.
func (p *Plan) AnswerDone(now time.Time, from value.LongID) {
	d := p.devices[from]
	if d == nil || d.answers == 0 {
		return
	}
	d.answers--
	p.answers--
	if d.strangers > 0 {
		d.strangers--
		p.unknown--
	}
	p.forget(now, d)
}

// request names a request for ever: ids are unique for each device that asks.
type request struct {
	device value.LongID
	id     uint64
}

// seen remembers the newest requests.
type seen struct {
	known map[request]bool
	ring  []request // in the order in which they came, from next on
	next  int
}

func (s *seen) has(r request) bool { return s.known[r] }

func (s *seen) add(r request) {
	s.known[r] = true
	if len(s.ring) < maxSeen {
		s.ring = append(s.ring, r)
		return
	}
	delete(s.known, s.ring[s.next])
	s.ring[s.next] = r
	s.next = (s.next + 1) % maxSeen
}

// askers knows who has asked lately: each request counts for requestEvery, one after
// the other. The zero askers know nobody.
type askers struct {
	until map[value.LongID]time.Time // when the last of them counts no more
}

// consider notes a request, and reports whether its device may ask once more.
func (a *askers) consider(now time.Time, from value.LongID) bool {
	if len(a.until) >= maxAskers {
		maps.DeleteFunc(a.until, func(_ value.LongID, until time.Time) bool { return !until.After(now) })
	}
	until := a.until[from]
	switch {
	case until.IsZero() && len(a.until) >= maxAskers, until.Sub(now) > requestBurst*requestEvery:
		return false
	case a.until == nil:
		a.until = make(map[value.LongID]time.Time)
	}
	if until.Before(now) {
		until = now
	}
	a.until[from] = until.Add(requestEvery)
	return true
}
