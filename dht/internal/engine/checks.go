package engine

import (
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/ratelimit"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// check is a put that waits for the verdict on its signature.
type check struct {
	from netip.AddrPort
	tid  uint32
	put  storage.Put
	size int // bytes that the value takes
}

func (x *check) origin() ratelimit.Origin { return ratelimit.OriginOf(x.from.Addr()) }

// checks holds the puts whose signatures are being verified elsewhere.
type checks struct {
	pending map[Ticket]*check
	last    Ticket
	bytes   int
	from    map[ratelimit.Origin]int
}

func (c *checks) init() {
	c.pending = make(map[Ticket]*check)
	c.from = make(map[ratelimit.Origin]int)
}

func (c *checks) room(from ratelimit.Origin, size int) bool {
	return len(c.pending) < maxChecks && c.bytes+size <= maxCheckBytes && c.from[from] < maxChecksPerOrigin
}

func (c *checks) add(x *check) Ticket {
	c.last++
	c.pending[c.last] = x
	c.bytes += x.size
	c.from[x.origin()]++
	return c.last
}

func (c *checks) take(t Ticket) *check {
	x := c.pending[t]
	if x == nil {
		return nil
	}
	delete(c.pending, t)
	c.bytes -= x.size
	if c.from[x.origin()]--; c.from[x.origin()] == 0 {
		delete(c.from, x.origin())
	}
	return x
}

// servePut stores what a peer puts. Whatever becomes of a value, it is
// acknowledged (opendht spec 6.2), one that needs a signature check after it.
func (e *Engine) servePut(now time.Time, f *family, from netip.AddrPort, m *wire.Message) {
	created := now
	if m.HasCreated {
		if t := time.Unix(m.Created, 0); t.Before(now) {
			created = t
		}
	}
	far := f.tooFar(now, m.Key, e.id)
	for i := range m.Values {
		raw := m.Values[i].Raw
		if raw == nil {
			continue
		}
		if err := e.value.Unpack(raw); err != nil {
			e.stats.Dropped.Values++
			continue
		}
		if e.value.ID == 0 {
			e.refuse(from, m, wire.CodeIncomplete, "value without an id")
			return
		}
		if !far {
			put := storage.Put{Key: m.Key, Value: &e.value, Created: created, From: from}
			if e.take(now, m.TID, put, raw) {
				continue
			}
		}
		e.acknowledge(from, m.TID, e.value.ID)
	}
}

// take gives a put of a packed value to the storage. It reports whether the acknowledgement must
// wait for a signature check.
func (e *Engine) take(now time.Time, tid uint32, put storage.Put, packed []byte) (wait bool) {
	switch e.store.Classify(now, put) {
	case storage.NeedsCheck:
		if e.cfg.Trusted != nil && e.cfg.Trusted(put.Value) {
			break
		}
		return e.verify(tid, put, packed)
	case storage.Rejected:
		e.stats.Dropped.Values++
		return false
	}
	e.store.Commit(now, put)
	return false
}

// verify asks for a signature check. Where too many wait already, the put is
// dropped unanswered: its sender will repeat it.
func (e *Engine) verify(tid uint32, put storage.Put, packed []byte) bool {
	if !e.checks.room(ratelimit.OriginOf(put.From.Addr()), len(packed)) {
		e.stats.Dropped.Checks++
		return true
	}
	v, err := value.Parse(slices.Clone(packed))
	if err != nil {
		return false
	}
	put.Value = v
	ticket := e.checks.add(&check{from: put.From, tid: tid, put: put, size: len(packed)})
	e.effect(Effect{Kind: Verify, Ticket: ticket, Value: v})
	return true
}

// Verified takes the verdict on a Verify effect.
func (e *Engine) Verified(now time.Time, ticket Ticket, ok bool) {
	e.now = now
	x := e.checks.take(ticket)
	if x == nil {
		return
	}
	if ok {
		e.store.Commit(now, x.put)
	} else {
		e.stats.Dropped.Signatures++
	}
	e.acknowledge(x.from, x.tid, x.put.Value.ID)
	e.settle(now)
}

func (e *Engine) acknowledge(from netip.AddrPort, tid uint32, id uint64) {
	e.startReply(from, &wire.Message{TID: tid})
	e.reply.VID = id
	e.sendMessage(from)
}

// tooFar reports whether enough nodes are closer to key than own that this node
// need not store it (opendht spec 6.2).
func (f *family) tooFar(now time.Time, key, own infohash.Hash) bool {
	f.near = f.table.Closest(now, key, closestNodes, f.near[:0])
	n := len(f.near)
	return n == closestNodes && key.CompareDistance(f.near[n-1].ID, own) < 0
}
