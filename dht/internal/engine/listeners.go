package engine

import (
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// ownStorage is the source under which a listen's cache knows what this node
// itself stores; no socket id is zero.
const ownStorage = 0

// watch lets a listen of this node follow its own storage.
func (e *Engine) watch(now time.Time, op *listenOp, key infohash.Hash, query value.Query) {
	id := e.store.Watch(now, key, query)
	e.watches[id] = op
	op.ends = append(op.ends, func(time.Time) {
		e.store.Unwatch(id)
		delete(e.watches, id)
	})
}

// push turns what the storage has to tell into messages to the nodes that
// listen, and into reports to this node's own listens.
func (e *Engine) push(now time.Time) {
	for p := range e.store.Pushes() {
		switch {
		case p.Local():
			e.pushLocal(now, p)
		case p.Version == 0:
			e.pushUnsolicited(now, p)
		default:
			e.pushUpdate(now, p)
		}
	}
}

func (e *Engine) pushLocal(now time.Time, p storage.Push) {
	op := e.watches[p.Watch]
	if op == nil {
		return
	}
	for _, packed := range p.Values {
		op.cache.Add(now, ownStorage, packed)
	}
	op.cache.Refresh(now, ownStorage, p.Refreshed)
	if doubted := op.cache.Expire(now, ownStorage, p.Expired); len(doubted) > 0 {
		for _, x := range op.placed {
			x.search.Doubt(now, x.listen, doubted)
		}
	}
}

// pushUpdate sends an update to a listening node, as requests that are repeated
// until it answers.
func (e *Engine) pushUpdate(now time.Time, p storage.Push) {
	f := e.familyOf(p.Addr.Addr())
	if f == nil {
		return
	}
	e.stats.Pushed++
	m := wire.Message{Kind: wire.Request, Method: wire.Update, SID: p.SID}
	m.Token = e.tokens.Append(nil, now, p.Addr)
	if p.Values == nil {
		m.Refreshed, m.Expired = p.Refreshed, p.Expired
		e.notify(now, f, p, &m, nil)
		return
	}
	m.Key, m.Version = p.Key, wire.ListenVersion
	for values := range wire.Batches(p.Values) {
		e.notify(now, f, p, &m, values)
	}
}

// pushing counts the updates that wait for their acknowledgement, and the bytes
// of their values.
type pushing struct{ count, bytes int }

// notify sends one update. A listener is asked at the address from which it
// listens, whatever else is known of it. Where too much waits already, the update
// is sent, but not repeated.
func (e *Engine) notify(now time.Time, f *family, p storage.Push, m *wire.Message, values [][]byte) {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	if e.pushing.count >= maxPushes || e.pushing.bytes+size > maxPushBytes || len(e.requests.byTID) >= maxRequests {
		e.sign(m, e.newTID())
		split := m.SetValues(values)
		e.reply = *m
		e.sendMessage(p.Addr)
		if split {
			e.sendParts(p.Addr, m.TID, values)
		}
		return
	}
	e.pushing.count++
	e.pushing.bytes += size
	r := &request{family: f, to: p.Addr, push: true, size: size, h: search.Handler{Reply: ignoreReply, Fail: ignoreFailure}}
	e.start(now, r, m, copyAll(values))
}

// copyAll copies values that must outlive the push they are of.
func copyAll(values [][]byte) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = slices.Clone(v)
	}
	return out
}

// pushUnsolicited tells a listener of version 0, which takes packets that answer
// nothing (opendht spec 2.9).
func (e *Engine) pushUnsolicited(now time.Time, p storage.Push) {
	f := e.familyOf(p.Addr.Addr())
	if f == nil {
		return
	}
	e.stats.Pushed++
	m := wire.Message{Kind: wire.Request, TID: p.SID}
	if p.Values == nil {
		e.startReply(p.Addr, &m)
		e.reply.Kind = wire.Push
		e.token = e.tokens.Append(e.token[:0], now, p.Addr)
		e.reply.Token = e.token
		e.reply.Refreshed, e.reply.Expired = p.Refreshed, p.Expired
		e.sendMessage(p.Addr)
		return
	}
	e.startReply(p.Addr, &m)
	e.addNodes(now, p.Key, &m, p.Addr)
	if e.reply.SetValues(p.Values) {
		e.sendMessage(p.Addr)
		e.sendParts(p.Addr, p.SID, p.Values)
		return
	}
	e.sendMessage(p.Addr)
}
