package search

import (
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// page fetches from p what its large answer m to g left out: it asks for the ids
// of all values that match, and then for those that are missing, one by one.
// Until then p counts as not having answered.
func (s *Search) page(now time.Time, p *peer, g *Get, m *wire.Message) {
	have := make(map[uint64]bool, len(m.Values))
	for _, x := range m.Values {
		var v value.Value
		if x.Raw != nil && v.Unpack(x.Raw) == nil {
			have[v.ID] = true
		}
	}
	g.asked[p] = askPending
	query := value.Query{Select: []value.Field{value.FieldID}, Where: g.query.Where}
	s.askFor(now, p, g, query, func(now time.Time, m *wire.Message) {
		fields, err := value.ParseFields(m.Fields)
		if err != nil {
			return
		}
		var missing []uint64
		for _, f := range fields {
			if !have[f.ID] && len(missing) < maxGetValues {
				have[f.ID] = true
				missing = append(missing, f.ID)
			}
		}
		s.fetch(now, p, g, missing)
	})
}

// fetch gets single values from p, one after the other.
func (s *Search) fetch(now time.Time, p *peer, g *Get, ids []uint64) {
	if len(ids) == 0 {
		return
	}
	g.asked[p] = askPending
	query := value.Query{Where: append([]value.Condition{value.WhereID(ids[0])}, g.query.Where...)}
	s.askFor(now, p, g, query, func(now time.Time, m *wire.Message) {
		g.deliver(now, m)
		s.fetch(now, p, g, ids[1:])
	})
}

// askFor sends one more query of g to p; then has its answer, and may ask on.
func (s *Search) askFor(now time.Time, p *peer, g *Get, query value.Query, then func(now time.Time, m *wire.Message)) {
	m := wire.Message{Kind: wire.Request, Method: wire.Get, Key: s.key, Query: query.Append(nil)}
	s.net.Request(now, p.node, m, nil, Handler{
		Reply: func(now time.Time, m *wire.Message, _ []*routing.Node) {
			g.asked[p] = askAnswered
			if g.sink.Values != nil {
				then(now, m)
			}
			s.Step(now)
		},
		Fail: func(now time.Time, _ error) {
			g.asked[p] = askFailed
			s.Step(now)
		},
	})
}
