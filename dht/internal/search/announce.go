package search

import (
	"errors"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/wire"
	"rollcall/internal/msgpack"
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
	s.Step(now)
	return a
}

// StopAnnounce ends a without calling Done. Storing nodes keep the value until
// its life ends.
func (s *Search) StopAnnounce(now time.Time, a *Announce) {
	s.announces = remove(s.announces, a)
	s.Step(now)
}

func (s *Search) announcing() bool {
	for _, a := range s.announces {
		if !a.reported {
			return true
		}
	}
	return false
}

// stepAnnounces sends what the target peers lack.
func (s *Search) stepAnnounces(now time.Time) {
	for _, a := range s.announces {
		for p := range s.targets(now) {
			if p.current(now) && a.due(now, p) {
				s.announce(now, a, p)
			}
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

// announce puts a at p: at once when it lives only once, else after asking what
// p already has, so that a permanent value costs a refresh and not a transfer.
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
	m := wire.Message{Kind: wire.Request, Method: wire.Get, Key: s.key, Query: probeQuery}
	s.net.Request(now, p.node, &m, nil, Handler{
		Reply: func(now time.Time, m *wire.Message, _ []*routing.Node) {
			p.accept(now, m)
			if a.heldBy(m) {
				s.sendRefresh(now, a, p, h)
			} else {
				s.sendPut(now, a, p, h)
			}
		},
		Fail: func(now time.Time, err error) { s.unacknowledged(now, p, h, err) },
	})
}

// probeQuery selects the ids and edit counters of all values of a key.
var probeQuery = appendProbe(nil)

func appendProbe(b []byte) []byte {
	const fieldID, fieldSeq = 1, 4
	b = msgpack.AppendMap(b, 2)
	b = msgpack.AppendString(b, "s")
	b = msgpack.AppendArray(b, 2)
	b = msgpack.AppendUint(b, fieldID)
	b = msgpack.AppendUint(b, fieldSeq)
	b = msgpack.AppendString(b, "w")
	return msgpack.AppendArray(b, 0)
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
	s.net.Request(now, p.node, &m, [][]byte{a.packed}, Handler{
		Reply: func(now time.Time, _ *wire.Message, _ []*routing.Node) { s.acknowledged(now, a, p, h) },
		Fail:  func(now time.Time, err error) { s.unacknowledged(now, p, h, err) },
	})
}

func (s *Search) sendRefresh(now time.Time, a *Announce, p *peer, h *hold) {
	m := wire.Message{Kind: wire.Request, Method: wire.Refresh, Key: s.key, Token: p.token, VID: a.id}
	s.net.Request(now, p.node, &m, nil, Handler{
		Reply: func(now time.Time, _ *wire.Message, _ []*routing.Node) { s.acknowledged(now, a, p, h) },
		Fail: func(now time.Time, err error) {
			var remote *RemoteError
			if errors.As(err, &remote) && remote.Code == wire.CodeNotFound {
				s.sendPut(now, a, p, h)
				return
			}
			s.unacknowledged(now, p, h, err)
		},
	})
}

func (s *Search) acknowledged(now time.Time, a *Announce, p *peer, h *hold) {
	h.busy = false
	h.until = now.Add(max(a.life-RefreshMargin, RefreshMargin))
	p.refusals = 0
	s.Step(now)
}

func (s *Search) unacknowledged(now time.Time, p *peer, h *hold, err error) {
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
	s.Step(now)
}

// finishAnnounces reports the announces that every target peer has
// acknowledged, and forgets those that live only once.
func (s *Search) finishAnnounces(now time.Time) {
	if !s.explored(now) {
		return
	}
	for i := 0; i < len(s.announces); {
		a := s.announces[i]
		stored, open := 0, 0
		for p := range s.targets(now) {
			switch h := a.at[p]; {
			case h != nil && !h.until.IsZero():
				stored++
			case h == nil || !h.refused:
				open++
			}
		}
		switch {
		case a.reported || open > 0:
			i++
			continue
		case stored > 0:
			s.report(now, a, stored, nil)
		case len(a.at) > 0:
			s.report(now, a, 0, ErrNoNodes)
		default:
			i++
			continue
		}
		if a.permanent {
			i++
		}
	}
}

func (s *Search) failAnnounces(now time.Time) {
	for i := 0; i < len(s.announces); {
		if a := s.announces[i]; !a.reported {
			s.report(now, a, 0, ErrNoNodes)
			if !a.permanent {
				continue
			}
		}
		i++
	}
}

func (s *Search) report(now time.Time, a *Announce, stored int, err error) {
	a.reported = true
	if !a.permanent {
		s.announces = remove(s.announces, a)
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
