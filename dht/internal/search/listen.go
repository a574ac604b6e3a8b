package search

import (
	"errors"
	"slices"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// Listen is one running listen in one address family. What its nodes push goes
// into a Cache, which it may share with the listen of the other family.
type Listen struct {
	query  []byte
	cache  *Cache
	heard  bool // of a value
	at     map[*peer]*socket
	repeat time.Duration
}

// socket is a listen placed, or being placed, on one peer.
type socket struct {
	sid   uint32
	busy  bool      // a listen request is in flight
	next  time.Time // repeat then
	pause time.Time // after a refusal
}

// detachment is a socket that is no longer listened on, but whose reports
// still count for a moment.
type detachment struct {
	sid      uint32
	cache    *Cache
	end      time.Time
	replaced bool // by one on the same node
}

// Listen starts following what matches query.
func (s *Search) Listen(now time.Time, query value.Query, cache *Cache) *Listen {
	l := &Listen{query: pack(query), cache: cache, at: make(map[*peer]*socket), repeat: ListenRepeat}
	s.listens = append(s.listens, l)
	s.Step(now)
	return l
}

// RelaxListen makes l be repeated at RelaxedRepeat, or at ListenRepeat again.
func (s *Search) RelaxListen(now time.Time, l *Listen, relaxed bool) {
	was := l.repeat
	l.repeat = ListenRepeat
	if relaxed {
		l.repeat = RelaxedRepeat
	}
	if l.repeat >= was {
		return
	}
	// What was spread over the longer time is spread over the shorter one: many
	// listens can lose their ease at once.
	for _, k := range l.at {
		if rest := k.next.Sub(now); rest > 0 {
			k.next = now.Add(rest / time.Duration(was/l.repeat))
		}
	}
	s.Step(now)
}

// StopListen ends l. Its cache reports nothing more of it; storing nodes stop
// pushing once the listen is no longer repeated (opendht spec 7.9).
func (s *Search) StopListen(now time.Time, l *Listen) {
	for _, k := range l.at {
		s.net.Close(k.sid)
	}
	for i := 0; i < len(s.detached); {
		if d := s.detached[i]; d.cache == l.cache {
			s.net.Close(d.sid)
			s.detached = remove(s.detached, d)
		} else {
			i++
		}
	}
	s.listens = remove(s.listens, l)
	s.Step(now)
}

// stepListens keeps every listen on the first ListenNodes targets.
func (s *Search) stepListens(now time.Time) {
	for _, l := range s.listens {
		for rank, p := range s.schedule.targets {
			k := l.at[p]
			if k == nil && rank < ListenNodes && p.current(now) {
				k = s.open(l, p)
			}
			if k != nil && !k.busy && p.current(now) && !now.Before(latest(k.next, k.pause)) {
				s.sendListen(now, l, p, k)
			}
		}
		s.detachStrays(now, l)
	}
}

func (s *Search) open(l *Listen, p *peer) *socket {
	k := &socket{}
	k.sid = s.net.Open(p.node, func(now time.Time, m *wire.Message) { s.push(now, l, p, k, m) })
	l.at[p] = k
	return k
}

// push takes an update of a storing node into the cache.
func (s *Search) push(now time.Time, l *Listen, p *peer, k *socket, m *wire.Message) {
	if len(m.Token) > 0 && p.token != nil {
		p.token = append(p.token[:0], m.Token...)
	}
	for _, x := range m.Values {
		var v value.Value
		switch {
		case x.Raw == nil || v.Unpack(x.Raw) != nil:
		case l.cache.Ended(now, v.ID):
			s.recheck(now, l, p, v.ID)
		default:
			l.heard = true
			l.cache.Add(now, k.sid, x.Raw)
		}
	}
	l.cache.Refresh(now, k.sid, m.Refreshed)
	s.Doubt(now, l, l.cache.Expire(now, k.sid, m.Expired))
}

// recheck asks a node for a value that it reports although its end has been
// reported a moment ago: the report may be an old one that was delayed.
func (s *Search) recheck(now time.Time, l *Listen, p *peer, id uint64) {
	query := value.Query{Where: []value.Condition{value.WhereID(id)}}
	m := wire.Message{Kind: wire.Request, Method: wire.Get, Key: s.key, Query: query.Append(nil)}
	s.net.Request(now, p.node, m, nil, Handler{
		Reply: func(now time.Time, m *wire.Message, _ []*routing.Node) {
			if k := l.at[p]; k != nil {
				for _, v := range m.Values {
					if v.Raw != nil {
						l.cache.Add(now, k.sid, v.Raw)
					}
				}
			}
		},
		Fail: func(time.Time, error) {},
	})
}

// detachStrays gives up sockets on peers that are no longer near enough.
func (s *Search) detachStrays(now time.Time, l *Listen) {
	kept := 0
	for _, p := range s.schedule.targets {
		if l.at[p] != nil {
			kept++
		}
	}
	if kept == len(l.at) {
		return
	}
	for _, p := range s.peers {
		if k := l.at[p]; k != nil && !k.busy && !slices.Contains(s.schedule.targets, p) {
			s.detach(now, l, p, k)
		}
	}
}

func (s *Search) detach(now time.Time, l *Listen, p *peer, k *socket) {
	delete(l.at, p)
	s.detached = append(s.detached, detachment{k.sid, l.cache, now.Add(detachGrace), false})
}

// endDetached forgets what detached sockets reported, once their grace is over.
func (s *Search) endDetached(now time.Time) {
	for i := 0; i < len(s.detached); {
		d := s.detached[i]
		if now.Before(d.end) {
			i++
			continue
		}
		s.net.Close(d.sid)
		s.detached = remove(s.detached, d)
		d.cache.Drop(now, d.sid)
	}
}

func (s *Search) sendListen(now time.Time, l *Listen, p *peer, k *socket) {
	m := wire.Message{
		Kind: wire.Request, Method: wire.Listen, Key: s.key, Token: p.token,
		SID: k.sid, Version: 1, Query: l.query,
	}
	k.busy = true
	s.net.Request(now, p.node, m, nil, Handler{
		Reply: func(now time.Time, m *wire.Message, _ []*routing.Node) {
			if len(m.Token) > 0 && p.token != nil {
				p.token = append(p.token[:0], m.Token...)
			}
			k.busy, p.refusals = false, 0
			k.next = now.Add(l.repeat)
			if l.at[p] == k {
				s.relieve(now, l)
				s.wakeBy(k.next)
			}
		},
		Fail: func(now time.Time, err error) {
			k.busy = false
			var remote *RemoteError
			switch {
			case !errors.As(err, &remote):
				if l.at[p] == k {
					s.detach(now, l, p, k)
				}
			case remote.Code == wire.CodeUnauthorized:
				p.refuse()
			default:
				k.pause = now.Add(ListenRepeat)
			}
			s.Step(now)
		},
	})
}

// drop ends the socket on a peer that the search forgets.
func (l *Listen) drop(now time.Time, s *Search, p *peer) {
	if k := l.at[p]; k != nil {
		s.detach(now, l, p, k)
	}
}

func (l *Listen) deadline(d *earliest, p *peer) {
	if k := l.at[p]; k != nil && !k.busy {
		d.add(latest(k.next, k.pause))
	}
}
