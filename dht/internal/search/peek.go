package search

import (
	"slices"
	"time"

	"rollcall/dht/internal/wire"
)

// A listen is placed by two round trips, since it takes a token. The values that are
// there need not wait for that: the first nodes are asked for them instead of for their
// tokens alone, until one has some. A node without values answers either alike.

// peeking returns a listen that has heard of no value yet, for which p, of a rank among
// the live peers, is worth asking; nil if there is none.
func (s *Search) peeking(p *peer, rank int) *Listen {
	if rank > ListenNodes {
		return nil
	}
	for _, l := range s.listens {
		if !l.heard && l.at[p] == nil {
			return l
		}
	}
	return nil
}

// peek asks p for its token and for what l listens to. What it has counts as reported
// by the listen that is to be placed there.
func (s *Search) peek(now time.Time, p *peer, l *Listen) {
	m := wire.Message{Kind: wire.Request, Method: wire.Get, Key: s.key, Query: l.query}
	s.request(now, p, m, func(now time.Time, m *wire.Message, err error) {
		if err != nil || !slices.Contains(s.listens, l) {
			return
		}
		for _, v := range m.Values {
			if v.Raw == nil {
				continue
			}
			k := l.at[p]
			if k == nil {
				k = s.open(l, p)
			}
			l.heard = true
			l.cache.Add(now, k.sid, v.Raw)
		}
	})
}
