// Package search finds the nodes around one key and works with them: it gets
// values from them, announces values to them and listens at them.
//
// A Search is a core: no goroutine, no clock, no socket. It is not safe for
// concurrent use. It asks its [Network] for requests and for a wake-up time,
// and gives results to the callbacks of its operations.
//
// Source: opendht spec section 7.
package search

import (
	"errors"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/wire"
)

// ErrNoNodes reports an operation for which no node answered.
var ErrNoNodes = errors.New("no node answered")

// Network is what one search needs from the node that it runs in.
type Network interface {
	// Request sends m with the packed values to n, repeats it, and later calls
	// exactly one of h.Reply and h.Fail. What m refers to is only read during the
	// call; values must not change until then.
	Request(now time.Time, n *routing.Node, m wire.Message, values [][]byte, h Handler)
	// Known appends up to k of the known nodes closest to key, live ones only and
	// at most MaxKnownPerNetwork of one network.
	Known(key infohash.Hash, k int, dst []*routing.Node) []*routing.Node
	// Neighbours appends up to k good nodes, those closest to the id of this node.
	Neighbours(k int, dst []*routing.Node) []*routing.Node
	// Size estimates the number of nodes in the network.
	Size(now time.Time) int
	// Open reserves a socket id at n whose pushes go to push; Close releases it.
	Open(n *routing.Node, push func(now time.Time, m *wire.Message)) uint32
	Close(sid uint32)
	// Wake asks for a Step at the given time, replacing the last wish; a zero time
	// withdraws it.
	Wake(at time.Time)
}

// Handler receives the outcome of one request.
type Handler struct {
	// Reply gets the answer, which is only valid during the call, and the nodes
	// that it named.
	Reply func(now time.Time, m *wire.Message, nodes []*routing.Node)
	// Slow is called once when the first try went unanswered. It may be nil.
	Slow func(now time.Time)
	// Fail gets the reason why there is no answer: a [RemoteError], or that the
	// node has expired.
	Fail func(now time.Time, err error)
}

// Search is the neighbourhood of one key in one address family and the
// operations on it. Make one with New.
type Search struct {
	key infohash.Hash
	net Network

	peers    []*peer // by distance to key, closest first
	inflight int     // find and get requests that are not known to be slow
	refilled time.Time
	barren   time.Time // since when no live peer is known; zero while one is

	size      int // estimate of the network's
	sized     time.Time
	density   density
	consulted int // neighbours that are witnesses
	ways      int // from witnesses to the key

	gets      []*Get
	announces []*Announce
	schedule  schedule // of the announces
	listens   []*Listen
	detached  []detachment
	used      time.Time
	wake      time.Time // of the next step; zero when none is due

	known []*routing.Node // scratch of refill
}

// New returns an idle search for key.
func New(now time.Time, key infohash.Hash, net Network) *Search {
	return &Search{key: key, net: net, used: now, schedule: newSchedule()}
}

// Key returns the key searched for.
func (s *Search) Key() infohash.Hash { return s.key }

// Idle reports since when the search has had no operation; ok is false while
// it has one.
func (s *Search) Idle() (since time.Time, ok bool) {
	if len(s.gets)+len(s.announces)+len(s.listens)+len(s.detached) > 0 {
		return time.Time{}, false
	}
	return s.used, true
}

// Step does everything that is due: it keeps requests in flight, starts what a
// synced search allows, and completes or fails operations.
func (s *Search) Step(now time.Time) {
	if _, idle := s.Idle(); idle {
		s.wake = time.Time{}
		s.net.Wake(s.wake)
		return
	}
	s.used = now
	s.refill(now)
	s.invite(now)
	s.density = s.gauge(now)
	if s.density == sparse || s.announcing() {
		s.consult(now, doubtful)
	} else {
		s.consult(now, witnesses)
	}
	s.ask(now)
	s.survey(now)
	if s.schedule.synced {
		s.stepListens(now)
	}
	s.endDetached(now)
	s.finish(now)
	s.wake = s.deadline(now)
	s.net.Wake(s.wake)
}

// wakeBy is the end of a Step after which nothing but one thing more is due, at the
// time given.
func (s *Search) wakeBy(at time.Time) {
	if s.wake.IsZero() || at.Before(s.wake) {
		s.wake = at
		s.net.Wake(at)
	}
}

// Offer tells the search of a node that has become reachable. It reports
// whether the search has use for it; then a Step follows.
func (s *Search) Offer(now time.Time, n *routing.Node) bool {
	if _, idle := s.Idle(); idle || !s.insert(now, n, nil) {
		return false
	}
	s.Step(now)
	return true
}

// Revive lets a search that knows no live node look again whether the network does. It
// is told of every node that answers; this finds those that are merely heard of.
func (s *Search) Revive(now time.Time) {
	if !s.barren.IsZero() {
		s.Step(now)
	}
}

// ask keeps up to atOnce find and get requests in flight, to the witnesses and, closest
// first, to those that are or may become targets.
func (s *Search) ask(now time.Time) {
	s.follow(now)
	var crowd crowd
	live := 0
	breadth := s.breadth()
	for _, p := range s.peers {
		if s.inflight >= atOnce || live >= wary {
			return
		}
		if !p.live() {
			continue
		}
		if !p.slow || p.current(now) {
			if !crowd.admit(p.node.Addr.Addr()) {
				continue
			}
			live++
		}
		if p.asking || now.Before(p.pause) {
			continue
		}
		if g := s.wanting(p, live, breadth); g != nil {
			s.sendGet(now, p, g)
		} else if live <= breadth && s.needsToken(now, p) {
			if l := s.peeking(p, live); l != nil {
				s.peek(now, p, l)
			} else {
				s.sendFind(now, p)
			}
		}
	}
}

// breadth returns how many peers are to be asked for their tokens: as many as are targets.
func (s *Search) breadth() int {
	if s.density == dense {
		return wary
	}
	return Targets
}

// explored reports whether the peers within the breadth have been asked, and all ways
// have come to their ends.
func (s *Search) explored(now time.Time) bool {
	if !s.witnessed(now) {
		return false
	}
	for p := range s.closest(now, s.breadth()) {
		if !p.current(now) && !now.Before(p.pause) {
			return false
		}
	}
	return true
}

// needsToken reports whether p must be asked only for its token and position.
func (s *Search) needsToken(now time.Time, p *peer) bool {
	if !p.current(now) {
		return true
	}
	return s.keepsAlive() && now.Sub(p.node.Heard) >= keepAlive && now.Sub(p.synced) >= keepAlive
}

func (s *Search) keepsAlive() bool { return s.schedule.permanent > 0 }

func (s *Search) sendFind(now time.Time, p *peer) {
	s.request(now, p, wire.Message{Kind: wire.Request, Method: wire.Find, Key: s.key}, nil)
}

// request sends a find or get; done, if not nil, sees the reply before the
// search steps on.
func (s *Search) request(now time.Time, p *peer, m wire.Message, done func(now time.Time, m *wire.Message, err error)) {
	p.asking = true
	s.inflight++
	counted := true
	release := func() {
		if counted {
			counted = false
			s.inflight--
		}
	}
	s.net.Request(now, p.node, m, nil, Handler{
		Reply: func(now time.Time, m *wire.Message, nodes []*routing.Node) {
			release()
			p.asking, p.slow = false, false
			p.accept(now, m)
			p.take(nodes)
			if done != nil {
				done(now, m, nil)
			}
			s.Step(now)
		},
		Slow: func(now time.Time) {
			release()
			p.slow = true
			s.Step(now)
		},
		Fail: func(now time.Time, err error) {
			release()
			p.asking = false
			p.pause = now.Add(retryPause)
			if done != nil {
				done(now, nil, err)
			}
			s.Step(now)
		},
	})
}

// finish completes the gets that the target peers have answered, and fails
// operations when there is nobody left to ask.
func (s *Search) finish(now time.Time) {
	if s.barren.IsZero() || now.Sub(s.barren) < emptyLimit {
		s.finishGets(now)
		s.stepAnnounces(now)
		return
	}
	for len(s.gets) > 0 {
		s.endGet(now, s.gets[0], ErrNoNodes)
	}
	s.failAnnounces(now)
}

// deadline is when the search must step next without being told anything.
func (s *Search) deadline(now time.Time) time.Time {
	var d earliest
	if !s.barren.IsZero() && (len(s.gets) > 0 || s.announcing()) {
		d.add(s.barren.Add(emptyLimit))
	}
	alive := s.keepsAlive()
	for _, p := range s.schedule.targets {
		if !p.asking {
			p.deadline(now, &d, alive)
		}
		for _, l := range s.listens {
			l.deadline(&d, p)
		}
	}
	s.awaitPauses(now, &d)
	d.add(s.schedule.waiting.Next())
	for _, x := range s.detached {
		d.add(x.end)
	}
	if !d.t.IsZero() && !d.t.After(now) {
		// Whatever is due already waits for an answer on its way; look again soon.
		return now.Add(refillPause)
	}
	return d.t
}

// awaitPauses adds when those may be asked again that operations wait for, be they targets
// or not.
func (s *Search) awaitPauses(now time.Time, d *earliest) {
	if len(s.gets) == 0 && !s.announcing() {
		return
	}
	for p := range s.closest(now, wary) {
		if now.Before(p.pause) {
			d.add(p.pause)
		}
	}
	for _, g := range s.gets {
		d.add(g.started.Add(getLimit))
	}
}

func (p *peer) deadline(now time.Time, d *earliest, alive bool) {
	if now.Before(p.pause) {
		d.add(p.pause)
	}
	if p.current(now) {
		d.add(p.synced.Add(TokenLife))
		if alive {
			d.add(latest(p.node.Heard, p.synced).Add(keepAlive))
		}
	}
}

// earliest collects the first of several times.
type earliest struct{ t time.Time }

func (d *earliest) add(t time.Time) {
	if !t.IsZero() && (d.t.IsZero() || t.Before(d.t)) {
		d.t = t
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
