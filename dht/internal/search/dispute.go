package search

import (
	"slices"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// A dispute is about a value of a listen whose end one node has reported while
// others vouch for it. Those may not know yet, or have died, or their reports may
// have been lost: they are asked. If some still have it, and are not more than those
// that had it and have it no longer, all target nodes are asked, and the majority
// decides. So a few nodes with wrong clocks can neither keep a value alive for those
// who listen nor end it.

// Doubt asks the listened nodes that vouch for values, whose end another one has
// reported, whether they still have them.
func (s *Search) Doubt(now time.Time, l *Listen, ids []uint64) {
	for _, id := range ids {
		s.doubt(now, l, id)
	}
}

func (s *Search) doubt(now time.Time, l *Listen, id uint64) {
	open := 1
	settle := func(now time.Time) {
		if open--; open == 0 && l.cache.contested(id) {
			s.poll(now, l, id)
		}
	}
	for _, p := range s.peers {
		k := l.at[p]
		if k == nil || !l.cache.Vouches(k.sid, id) {
			continue
		}
		open++
		s.inquire(now, p, id, func(now time.Time, a answer) {
			switch a {
			case hasNot:
				l.cache.Expire(now, k.sid, []uint64{id})
			case silent:
				l.cache.Forsake(now, k.sid)
			}
			settle(now)
		})
	}
	settle(now)
}

// poll asks the target nodes that are not listened to, and counts the votes.
func (s *Search) poll(now time.Time, l *Listen, id uint64) {
	open, has, lacks := 1, 0, 0
	settle := func(now time.Time) {
		if open--; open == 0 {
			l.cache.overrule(now, id, has, lacks)
		}
	}
	for p := range s.targets(now) {
		if l.at[p] != nil {
			continue
		}
		open++
		s.inquire(now, p, id, func(now time.Time, a answer) {
			switch a {
			case hasIt:
				has++
			case hasNot:
				lacks++
			}
			settle(now)
		})
	}
	settle(now)
}

// answer is what a node says of a value.
type answer uint8

const (
	hasIt answer = iota + 1
	hasNot
	silent // no answer to the first try, or a failure
)

// inquire asks p whether it has a value; tell is called once.
func (s *Search) inquire(now time.Time, p *peer, id uint64, tell func(now time.Time, a answer)) {
	query := value.Query{Select: []value.Field{value.FieldID}, Where: []value.Condition{value.WhereID(id)}}
	m := wire.Message{Kind: wire.Request, Method: wire.Get, Key: s.key, Query: query.Append(nil)}
	told := false
	once := func(now time.Time, a answer) {
		if !told {
			told = true
			tell(now, a)
		}
	}
	s.net.Request(now, p.node, m, nil, Handler{
		Reply: func(now time.Time, m *wire.Message, _ []*routing.Node) {
			if len(m.Fields) == 0 && len(m.Values) == 0 {
				once(now, hasNot)
			} else {
				once(now, hasIt)
			}
		},
		Slow: func(now time.Time) { once(now, silent) },
		Fail: func(now time.Time, _ error) { once(now, silent) },
	})
}

// deny notes that source, which had e, has it no longer.
func (e *entry) deny(source uint32) {
	if len(e.denials) < maxDenials && !slices.Contains(e.denials, source) {
		e.denials = append(e.denials, source)
	}
}

// contested reports whether of the nodes that had a value those that still vouch for
// it are not the majority.
func (c *Cache) contested(id uint64) bool {
	return slices.ContainsFunc(c.entries[id], func(e *entry) bool {
		return !e.overruled && len(e.denials) > 0 && len(e.denials) >= len(e.reports)
	})
}

// overrule reports the end of a value that the majority denies, if so many other
// nodes have it and so many lack it.
func (c *Cache) overrule(now time.Time, id uint64, has, lacks int) {
	for _, e := range slices.Clone(c.entries[id]) {
		if !e.overruled && len(e.denials) > 0 && len(e.denials)+lacks > len(e.reports)+has {
			e.overruled = true
			c.sink.Expired(now, e.packed)
		}
	}
}

// restore reports a value anew that was overruled, once the nodes that vouch for it
// outnumber those that denied it.
func (c *Cache) restore(now time.Time, e *entry) {
	if e.overruled && len(e.reports) > len(e.denials) {
		e.overruled, e.denials = false, nil
		c.sink.Added(now, e.packed)
	}
}
