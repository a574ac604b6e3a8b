// Package fragment puts values together that arrive in parts.
//
// A message whose values are too large for one datagram announces their sizes
// and is followed by datagrams that carry their bytes. An Assembler keeps the
// message until its values are complete. Parts may come in any order, before
// the message too, and more than once. Memory is taken as bytes arrive, never
// by an announced size, and is bounded per source and in all.
//
// Source: opendht spec 2.8.
package fragment

import (
	"container/list"
	"net/netip"
	"time"

	"rollcall/dht/internal/wire"
)

// Assembler collects the parts of messages. It is not safe for concurrent use;
// make one with New.
//
// Callers bring from with IPv4 addresses unmapped.
type Assembler struct {
	messages map[key]*message
	sources  map[netip.Prefix]*usage
	open     queue // messages whose header is here
	early    queue // parts without a header
}

// key tells messages apart: two senders may use the same transaction id.
type key struct {
	from netip.AddrPort
	tid  uint32
}

// usage is what one source takes.
type usage struct {
	open, early, bytes int
}

// queue orders messages by their last useful part, the oldest first.
type queue struct {
	list                  list.List // of *message
	bytes                 int
	maxMessages, maxBytes int
}

// New returns an empty Assembler.
func New() *Assembler {
	return &Assembler{
		messages: make(map[key]*message),
		sources:  make(map[netip.Prefix]*usage),
		open:     queue{maxMessages: maxMessages, maxBytes: maxBytes},
		early:    queue{maxMessages: maxEarly, maxBytes: maxEarlyBytes},
	}
}

// Start keeps a message that is split: m, parsed from the given datagram, which
// is copied. When its parts are here already it is returned, else nil. A message
// that is being collected already changes nothing; one that the limits refuse is
// forgotten.
func (a *Assembler) Start(now time.Time, from netip.AddrPort, m *wire.Message, datagram []byte) *Assembled {
	x := &message{key: key{from, m.TID}, started: now}
	var parts []wire.Slice
	if early := a.find(now, x.key); early != nil {
		if early.header != nil {
			return nil
		}
		x.started, parts = early.started, early.early
		a.drop(early)
	}
	x.open(datagram, m.Values)
	if !a.keep(now, x, messageCost+len(datagram)+len(m.Values)*valueCost) {
		return nil
	}
	return a.fill(now, x, parts)
}

// Add takes m, a message of kind wire.Part. It returns the message that it
// completes, or nil.
func (a *Assembler) Add(now time.Time, from netip.AddrPort, m *wire.Message) *Assembled {
	k := key{from, m.TID}
	x := a.find(now, k)
	if x == nil {
		x = &message{key: k, started: now}
		if len(m.Parts) == 0 || !a.keep(now, x, messageCost) {
			return nil
		}
	}
	return a.fill(now, x, m.Parts)
}

// Tick drops the messages that have waited too long for a part.
func (a *Assembler) Tick(now time.Time) {
	for _, q := range []*queue{&a.open, &a.early} {
		for x := q.oldest(); x != nil && now.Sub(x.useful) >= gap; x = q.oldest() {
			a.drop(x)
		}
	}
}

// NextDeadline is when Tick must be called next; zero means never.
func (a *Assembler) NextDeadline() time.Time {
	var next time.Time
	for _, q := range []*queue{&a.open, &a.early} {
		if x := q.oldest(); x != nil {
			if end := x.useful.Add(gap); next.IsZero() || end.Before(next) {
				next = end
			}
		}
	}
	return next
}

// Pending reports how many messages wait and what is charged for them.
func (a *Assembler) Pending() (messages, bytes int) {
	return len(a.messages), a.open.bytes + a.early.bytes
}

// find returns the message of k, if its time is not over.
func (a *Assembler) find(now time.Time, k key) *message {
	x := a.messages[k]
	if x != nil && (now.Sub(x.useful) >= gap || now.Sub(x.started) >= total) {
		a.drop(x)
		return nil
	}
	return x
}

// fill gives parts to x and takes x out once it is complete.
func (a *Assembler) fill(now time.Time, x *message, parts []wire.Slice) *Assembled {
	cost := 0
	for _, s := range parts {
		cost += x.add(s)
	}
	if cost > 0 {
		x.useful = now
		q := a.queueOf(x)
		q.list.MoveToBack(x.element)
		if !a.charge(x, cost) {
			return nil
		}
	}
	if x.header == nil || x.missing > 0 {
		return nil
	}
	a.drop(x)
	return &Assembled{From: x.key.from, header: x.header, values: x.values}
}

// keep enters x, where the limits of its source allow it.
func (a *Assembler) keep(now time.Time, x *message, cost int) bool {
	x.source = sourceOf(x.key.from.Addr())
	x.useful = now
	u := a.sources[x.source]
	if u == nil {
		u = &usage{}
	}
	if x.header == nil && u.early == maxSourceEarly || x.header != nil && u.open == maxSourceMessages {
		return false
	}
	u.count(x, 1)
	a.sources[x.source] = u
	a.messages[x.key] = x
	q := a.queueOf(x)
	x.element = q.list.PushBack(x)
	for q.list.Len() > q.maxMessages {
		a.drop(q.oldest())
	}
	return a.charge(x, cost)
}

// charge adds cost to what x takes. When that is too much for its source, x is
// dropped; when it is too much in all, the oldest messages are.
func (a *Assembler) charge(x *message, cost int) bool {
	u, q := a.sources[x.source], a.queueOf(x)
	x.cost += cost
	u.bytes += cost
	q.bytes += cost
	if u.bytes > maxSourceBytes {
		a.drop(x)
		return false
	}
	for q.bytes > q.maxBytes {
		a.drop(q.oldest())
	}
	return true
}

// drop forgets x.
func (a *Assembler) drop(x *message) {
	u, q := a.sources[x.source], a.queueOf(x)
	u.count(x, -1)
	u.bytes -= x.cost
	if u.open+u.early == 0 {
		delete(a.sources, x.source)
	}
	q.bytes -= x.cost
	q.list.Remove(x.element)
	delete(a.messages, x.key)
}

func (a *Assembler) queueOf(x *message) *queue {
	if x.header == nil {
		return &a.early
	}
	return &a.open
}

// oldest returns the message that has waited longest, or nil.
func (q *queue) oldest() *message {
	if e := q.list.Front(); e != nil {
		return e.Value.(*message)
	}
	return nil
}

func (u *usage) count(x *message, n int) {
	if x.header == nil {
		u.early += n
	} else {
		u.open += n
	}
}

// sourceOf is the unit that limits count: whoever holds one address of it may
// well hold them all.
func sourceOf(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.WithZone("").Prefix(bits)
	return prefix
}
