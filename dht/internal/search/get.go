package search

import (
	"time"

	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// Get is one running lookup, of values or of the nodes around the key.
type Get struct {
	method  wire.Method // get or find
	query   value.Query
	packed  []byte // query in wire form, nil for everything
	sink    GetSink
	asked   map[*peer]askState
	started time.Time
	results int
	bytes   int
}

// GetSink receives what a get finds. Values may be reported more than once, by
// several nodes; what the calls pass is only valid during the call.
type GetSink struct {
	// Values gets one node's reply: its packed values or, for a query with a
	// field selection, its fields.
	Values func(now time.Time, m *wire.Message)
	// Done gets nil once the target nodes have answered. It is the last call.
	Done func(now time.Time, err error)
}

type askState uint8

const (
	askPending askState = iota + 1
	askAnswered
	askFailed
)

// Get starts a lookup of what matches query.
func (s *Search) Get(now time.Time, query value.Query, sink GetSink) *Get {
	return s.start(now, &Get{method: wire.Get, query: query, packed: pack(query), sink: sink})
}

// pack returns the wire form of a query, nil for one that asks for everything.
func pack(q value.Query) []byte {
	if q.IsZero() {
		return nil
	}
	return q.Append(nil)
}

// Visit gets to know the nodes around the key, for its own sake.
func (s *Search) Visit(now time.Time) {
	s.start(now, &Get{method: wire.Find, sink: GetSink{Done: func(time.Time, error) {}}})
}

func (s *Search) start(now time.Time, g *Get) *Get {
	g.asked = make(map[*peer]askState)
	g.started = now
	s.gets = append(s.gets, g)
	s.Step(now)
	return g
}

// StopGet ends g without calling its sink.
func (s *Search) StopGet(now time.Time, g *Get) {
	s.gets = remove(s.gets, g)
	s.Step(now)
}

// wanting returns a get that p, of a rank among the live peers, has not been asked
// for yet, the oldest first; breadth is how many are to be asked at least.
func (s *Search) wanting(p *peer, rank, breadth int) *Get {
	for _, g := range s.gets {
		if g.asked[p] == 0 && (rank <= breadth || g.unlucky()) {
			return g
		}
	}
	return nil
}

func (s *Search) sendGet(now time.Time, p *peer, g *Get) {
	m := wire.Message{Kind: wire.Request, Method: g.method, Key: s.key, Query: g.packed}
	g.asked[p] = askPending
	s.request(now, p, m, func(now time.Time, m *wire.Message, err error) {
		if err != nil {
			g.asked[p] = askFailed
			return
		}
		g.asked[p] = askAnswered
		if g.sink.Values != nil && g.deliver(now, m) {
			s.page(now, p, g, m)
		}
	})
}

// deliver passes an answer on and reports whether it may be only the beginning
// of what the node has.
func (g *Get) deliver(now time.Time, m *wire.Message) (more bool) {
	size := 0
	for _, v := range m.Values {
		size += len(v.Raw)
		more = more || v.Raw == nil
	}
	g.results += len(m.Values)
	g.bytes += size
	if g.results > maxGetValues || g.bytes > maxGetBytes {
		return false
	}
	if len(m.Values) > 0 || len(m.Fields) > 0 {
		g.results++
		g.sink.Values(now, m)
	}
	return (more || size >= pageSize) && len(g.query.Select) == 0
}

// finishGets ends the gets that the target peers have answered.
func (s *Search) finishGets(now time.Time) {
	for i := 0; i < len(s.gets); {
		if g := s.gets[i]; s.answered(now, g) {
			s.endGet(now, g, nil)
		} else if s.failed(now, g) {
			s.endGet(now, g, ErrNoNodes)
		} else if now.Sub(g.started) >= getLimit {
			s.endGet(now, g, g.verdict())
		} else {
			i++
		}
	}
}

// verdict returns the outcome of a get that must end now.
func (g *Get) verdict() error {
	for _, state := range g.asked {
		if state == askAnswered {
			return nil
		}
	}
	if g.results > 0 {
		return nil
	}
	return ErrNoNodes
}

// unlucky reports whether g looks for values and has found none.
func (g *Get) unlucky() bool { return g.results == 0 && g.method == wire.Get }

// answered reports whether every target peer has answered g. A get that found
// nothing waits for more: for those that follow the targets, since some of these
// may lie, and for the slow ones, which may have what it looks for.
func (s *Search) answered(now time.Time, g *Get) bool {
	if !s.witnessed(now) {
		return false
	}
	want := Targets
	if g.unlucky() || s.density == dense {
		want = wary
	}
	n := 0
	for p := range s.closest(now, want) {
		switch g.asked[p] {
		case askAnswered:
			n++
		case askFailed:
		default:
			return false
		}
	}
	if n == 0 {
		return false
	}
	if g.results == 0 && n < Targets {
		for _, p := range s.peers {
			if p.live() && p.slow && g.asked[p] == askPending {
				return false
			}
		}
	}
	return true
}

// failed reports whether every target peer has failed to answer g, though it
// lives: what it has is too much for the way, or the way too bad.
func (s *Search) failed(now time.Time, g *Get) bool {
	n := 0
	for p := range s.targets(now) {
		if g.asked[p] != askFailed {
			return false
		}
		n++
	}
	return n > 0
}

func (s *Search) endGet(now time.Time, g *Get, err error) {
	s.gets = remove(s.gets, g)
	g.sink.Done(now, err)
	g.sink = GetSink{Done: func(time.Time, error) {}}
}

// remove deletes x from list, keeping the order.
func remove[T comparable](list []T, x T) []T {
	for i, y := range list {
		if y == x {
			copy(list[i:], list[i+1:])
			var zero T
			list[len(list)-1] = zero
			return list[:len(list)-1]
		}
	}
	return list
}
