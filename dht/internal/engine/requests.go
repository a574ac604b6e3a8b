package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/wire"
)

var (
	// ErrExpired reports a node that did not answer, however often it was asked.
	ErrExpired = errors.New("the node does not answer")
	// ErrBusy reports a request that was not sent because too many are pending.
	ErrBusy = errors.New("too many pending requests")
)

// request is one message that waits for its answer (opendht spec 2.4).
type request struct {
	timer  timer
	family *family
	node   *routing.Node // nil while the id behind the address is unknown
	to     netip.AddrPort
	tid    uint32
	head   []byte
	values [][]byte // sent in parts after head; nil when inline
	sent   time.Time
	tries  int
	once   bool // never repeated: the address has proved nothing yet
	push   bool // an update, with values of size bytes
	size   int
	gap    time.Duration
	h      search.Handler
}

// requests holds the pending requests by transaction id, which is unique among
// them whatever node they went to.
type requests struct {
	byTID   map[uint32]*request
	byNode  map[*routing.Node][]*request
	scratch []byte
}

func (r *requests) init() {
	r.byTID = make(map[uint32]*request)
	r.byNode = make(map[*routing.Node][]*request)
}

// encode returns what add appends to nothing, in no more memory than that takes.
func (r *requests) encode(add func([]byte) []byte) []byte {
	r.scratch = add(r.scratch[:0])
	return slices.Clone(r.scratch)
}

// request sends m with packed values to a node and calls h later, never from
// within this call.
func (e *Engine) request(now time.Time, f *family, n *routing.Node, m *wire.Message, values [][]byte, h search.Handler) {
	if len(e.requests.byTID) >= maxRequests {
		e.later(func(now time.Time) { h.Fail(now, ErrBusy) })
		return
	}
	r := &request{family: f, node: n, to: n.Addr, h: h}
	e.requests.byNode[n] = append(e.requests.byNode[n], r)
	e.start(now, r, m, values)
}

// ping asks an address for its id.
func (e *Engine) ping(now time.Time, to netip.AddrPort, once bool, h search.Handler) {
	f := e.familyOf(to.Addr())
	if len(e.requests.byTID) >= maxRequests || f == nil {
		e.later(func(now time.Time) { h.Fail(now, ErrBusy) })
		return
	}
	m := wire.Message{Kind: wire.Request, Method: wire.Ping}
	e.start(now, &request{family: f, to: to, once: once, h: h}, &m, nil)
}

// later calls fn from the next Tick.
func (e *Engine) later(fn func(now time.Time)) {
	t := &timer{fire: fn}
	e.set(t, e.now)
}

func (e *Engine) start(now time.Time, r *request, m *wire.Message, values [][]byte) {
	r.tid = e.newTID()
	e.sign(m, r.tid)
	if m.SetValues(values) {
		r.values = values
	}
	r.head = e.requests.encode(m.Append)
	r.sent, r.gap = now, firstGap
	r.timer.fire = func(now time.Time) { e.retry(now, r) }
	e.requests.byTID[r.tid] = r
	e.retry(now, r)
}

// sign makes m a message of this node.
func (e *Engine) sign(m *wire.Message, tid uint32) {
	m.TID = tid
	m.ID, m.Network, m.Client = e.id, e.cfg.Network, e.cfg.Client
}

func (e *Engine) newTID() uint32 {
	for {
		tid := e.rng.Uint32()
		if _, taken := e.sockets[tid]; tid != 0 && !taken && e.requests.byTID[tid] == nil {
			return tid
		}
	}
}

// retry sends r once more, or gives it up.
func (e *Engine) retry(now time.Time, r *request) {
	if r.tries == maxTries || (r.once && r.tries == 1) {
		e.expire(now, r)
		return
	}
	r.tries++
	e.stats.Requests++
	e.send(r.to, r.head)
	e.sendParts(r.to, r.tid, r.values)
	r.gap = 2*r.gap + time.Duration(e.rng.Int64N(int64(gapJitter)))
	e.set(&r.timer, now.Add(r.gap))
	if r.tries == 2 && r.h.Slow != nil {
		r.h.Slow(now)
	}
}

// sendParts queues the datagrams that follow a message with announced sizes.
func (e *Engine) sendParts(to netip.AddrPort, tid uint32, values [][]byte) {
	m := wire.Message{Kind: wire.Part, TID: tid, Network: e.cfg.Network, Client: e.cfg.Client}
	for slice := range wire.Slices(values) {
		start := len(e.out.arena)
		e.out.arena = m.AppendPart(e.out.arena, slice)
		e.send(to, e.out.arena[start:len(e.out.arena):len(e.out.arena)])
	}
}

// expire gives up r. Its node counts as gone with it, unless it was heard in
// the meantime: then only this message was lost.
func (e *Engine) expire(now time.Time, r *request) {
	e.forget(r)
	e.stats.Expired++
	if n := r.node; n != nil && !n.Heard.After(r.sent) {
		e.lose(now, r.family, n)
	}
	r.h.Fail(now, fmt.Errorf("%w: %v", ErrExpired, r.to))
}

// forget removes r from what is pending.
func (e *Engine) forget(r *request) {
	e.set(&r.timer, time.Time{})
	delete(e.requests.byTID, r.tid)
	if r.push {
		e.pushing.count--
		e.pushing.bytes -= r.size
	}
	if r.node == nil {
		return
	}
	list := e.requests.byNode[r.node]
	for i, x := range list {
		if x == r {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(e.requests.byNode, r.node)
	} else {
		e.requests.byNode[r.node] = list
	}
}
