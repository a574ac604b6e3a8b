package search

import (
	"errors"
	"slices"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
	"rollcall/internal/msgpack"
	"rollcall/internal/timers"
)

// Announce is one running put.
type Announce struct {
	id        uint64
	seq       uint16
	signed    bool
	packed    []byte
	created   int64 // Unix seconds; not sent when permanent
	life      time.Duration
	permanent bool
	done      func(now time.Time, stored int, err error)
	at        map[*peer]*hold
	reported  bool

	// Of the schedule.
	timers.Timer
	ended  bool
	marked bool
}

// hold is the state of one announce at one peer.
type hold struct {
	busy    bool      // a request is in flight
	until   time.Time // acknowledged; announce again then (zero: not acknowledged)
	pause   time.Time // try no earlier after a refusal
	refused bool      // an error other than a stale token: leave this peer alone
}

// Put describes an announce.
type Put struct {
	ID        uint64
	Seq       uint16 // with Signed: the edit counter
	Signed    bool
	Packed    []byte // the packed value; not copied, must not change
	Created   int64  // Unix seconds
	Life      time.Duration
	Permanent bool // kept alive until stopped
	// Done is called once, when the target nodes have acknowledged, with their
	// number, or when none could. Permanent announces go on all the same.
	Done func(now time.Time, stored int, err error)
}

// Announce starts a put.
func (s *Search) Announce(now time.Time, p Put) *Announce {
	a := &Announce{
		id: p.ID, seq: p.Seq, signed: p.Signed, packed: p.Packed, created: p.Created, life: p.Life,
		permanent: p.Permanent, done: p.Done, at: make(map[*peer]*hold),
	}
	s.announces = append(s.announces, a)
	s.schedule.add(a)
	s.Step(now)
	return a
}

// StopAnnounce ends a without calling Done. Storing nodes keep the value until
// its life ends.
func (s *Search) StopAnnounce(now time.Time, a *Announce) {
	s.endAnnounce(a)
	s.Step(now)
}

func (s *Search) endAnnounce(a *Announce) {
	if !a.ended {
		s.schedule.drop(a)
		s.announces = remove(s.announces, a)
	}
}

func (s *Search) announcing() bool { return s.schedule.unreported > 0 }

// stepAnnounces sends what the target peers lack, and reports what is done.
func (s *Search) stepAnnounces(now time.Time) {
	for a := s.schedule.next(); a != nil; a = s.schedule.next() {
		var wake earliest
		for _, p := range s.schedule.targets {
			if s.schedule.synced && a.due(now, p) {
				s.announce(now, a, p)
			}
			a.deadline(&wake, p)
		}
		s.schedule.waiting.Set(a, wake.t)
		if s.schedule.explored {
			s.finishAnnounce(now, a)
		}
	}
}

func (a *Announce) due(now time.Time, p *peer) bool {
	h := a.at[p]
	if h == nil {
		return true
	}
	if h.busy || h.refused || now.Before(h.pause) {
		return false
	}
	return h.until.IsZero() || (a.permanent && !now.Before(h.until))
}

// announce puts a at p: at once when it lives only once, else after asking whether
// p already has it, so that a permanent value costs a refresh and not a transfer.
func (s *Search) announce(now time.Time, a *Announce, p *peer) {
	h := a.at[p]
	if h == nil {
		h = &hold{}
		a.at[p] = h
	}
	h.busy = true
	if !a.permanent {
		s.sendPut(now, a, p, h)
		return
	}
	m := wire.Message{Kind: wire.Request, Method: wire.Get, Key: s.key, Query: probe(a.id)}
	s.net.Request(now, p.node, m, nil, Handler{
		Reply: func(now time.Time, m *wire.Message, _ []*routing.Node) {
			p.accept(now, m)
			if a.heldBy(m) {
				s.sendRefresh(now, a, p, h)
			} else {
				s.sendPut(now, a, p, h)
			}
		},
		Fail: func(now time.Time, err error) { s.unacknowledged(now, a, p, h, err) },
	})
}

// probe selects the id and edit counter of one value.
func probe(id uint64) []byte {
	q := value.Query{
		Select: []value.Field{value.FieldID, value.FieldSeq},
		Where:  []value.Condition{value.WhereID(id)},
	}
	return q.Append(nil)
}

// heldBy reports whether the answer to a probe shows that the node has the
// value in its present edition.
func (a *Announce) heldBy(m *wire.Message) bool {
	for id, seq := range probeResults(m) {
		if id == a.id {
			return !a.signed || seq >= uint64(a.seq)
		}
	}
	return false
}

// probeResults reads pairs of id and seq from a reply. A node that answers with
// whole values instead is taken at its word for none of them: the put that
// follows is harmless.
func probeResults(m *wire.Message) func(yield func(id, seq uint64) bool) {
	return func(yield func(id, seq uint64) bool) {
		r := msgpack.NewReader(m.Fields)
		for range r.Map() {
			if string(r.Str()) != "v" {
				r.Skip()
				continue
			}
			for range r.Array() / 2 {
				id, seq := r.Uint(), r.Uint()
				if r.Err() != nil || !yield(id, seq) {
					return
				}
			}
			return
		}
	}
}

func (s *Search) sendPut(now time.Time, a *Announce, p *peer, h *hold) {
	m := wire.Message{Kind: wire.Request, Method: wire.Put, Key: s.key, Token: p.token}
	if !a.permanent {
		m.Created, m.HasCreated = a.created, true
	}
	s.net.Request(now, p.node, m, [][]byte{a.packed}, Handler{
		Reply: func(now time.Time, _ *wire.Message, _ []*routing.Node) { s.acknowledged(now, a, p, h) },
		Fail:  func(now time.Time, err error) { s.unacknowledged(now, a, p, h, err) },
	})
}

func (s *Search) sendRefresh(now time.Time, a *Announce, p *peer, h *hold) {
	m := wire.Message{Kind: wire.Request, Method: wire.Refresh, Key: s.key, Token: p.token, VID: a.id}
	s.net.Request(now, p.node, m, nil, Handler{
		Reply: func(now time.Time, _ *wire.Message, _ []*routing.Node) { s.acknowledged(now, a, p, h) },
		Fail: func(now time.Time, err error) {
			var remote *RemoteError
			if errors.As(err, &remote) && remote.Code == wire.CodeNotFound {
				s.sendPut(now, a, p, h)
				return
			}
			s.unacknowledged(now, a, p, h, err)
		},
	})
}

func (s *Search) acknowledged(now time.Time, a *Announce, p *peer, h *hold) {
	h.busy = false
	h.until = now.Add(max(a.life-RefreshMargin, RefreshMargin))
	p.refusals = 0
	s.schedule.mark(a)
	s.Step(now)
}

func (s *Search) unacknowledged(now time.Time, a *Announce, p *peer, h *hold, err error) {
	h.busy = false
	h.pause = now.Add(retryPause)
	var remote *RemoteError
	if errors.As(err, &remote) {
		if remote.Code == wire.CodeUnauthorized {
			p.refuse()
		} else {
			h.refused = true
		}
	}
	s.schedule.mark(a)
	s.Step(now)
}

// finishAnnounce reports a once every target peer has acknowledged or refused it.
func (s *Search) finishAnnounce(now time.Time, a *Announce) {
	if a.reported || len(a.at) == 0 {
		return
	}
	stored := 0
	for _, p := range s.schedule.targets {
		switch h := a.at[p]; {
		case h != nil && !h.until.IsZero():
			stored++
		case h == nil || !h.refused:
			return
		}
	}
	if stored > 0 {
		s.report(now, a, stored, nil)
	} else {
		s.report(now, a, 0, ErrNoNodes)
	}
}

func (s *Search) failAnnounces(now time.Time) {
	for _, a := range slices.Clone(s.announces) {
		if !a.reported && !a.ended {
			s.report(now, a, 0, ErrNoNodes)
		}
	}
}

// report tells the outcome of a, and forgets it if it lives only once.
func (s *Search) report(now time.Time, a *Announce, stored int, err error) {
	a.reported = true
	s.schedule.unreported--
	if !a.permanent {
		s.endAnnounce(a)
	}
	a.done(now, stored, err)
}

func (a *Announce) deadline(d *earliest, p *peer) {
	h := a.at[p]
	if h == nil || h.busy || h.refused {
		return
	}
	if h.until.IsZero() {
		d.add(h.pause)
	} else if a.permanent {
		d.add(h.until)
	}
}
