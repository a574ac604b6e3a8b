package engine

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// operation is something that a caller has started and may stop. It runs in
// each address family of the node.
type operation struct {
	id    OpID
	ends  []func(now time.Time)             // what ends it, in each family and here
	relax func(now time.Time, relaxed bool) // nil if it does not listen
}

func (op *operation) end(now time.Time) {
	for _, f := range op.ends {
		f(now)
	}
}

func (e *Engine) begin(op *operation) {
	e.lastOp++
	op.id = e.lastOp
	e.ops[op.id] = op
}

// Stop ends an operation without a further effect: a permanent put is not
// repeated any more and its local copy is dropped, a get or listen falls
// silent. Unknown operations are ignored.
func (e *Engine) Stop(now time.Time, id OpID) {
	e.now = now
	if op, ok := e.ops[id]; ok {
		delete(e.ops, id)
		op.end(now)
		e.settle(now)
	}
}

// done reports the end of an operation, unless it was stopped.
func (e *Engine) done(id OpID, stored int, err error) {
	if _, ok := e.ops[id]; ok {
		delete(e.ops, id)
		e.effect(Effect{Kind: Done, Op: id, Stored: stored, Err: err})
	}
}

// outcome joins the outcomes of an operation's families: it succeeded if it did
// in one of them.
type outcome struct {
	waiting  []*family
	finished bool
	ok       bool
	stored   int
	err      error
}

// add notes the outcome of one family and reports whether that of the operation
// is known now. A family in which no node answers does not hold it up.
func (o *outcome) add(now time.Time, f *family, stored int, err error) bool {
	if o.finished {
		return false
	}
	o.waiting = slices.DeleteFunc(o.waiting, func(g *family) bool { return g == f })
	o.stored += stored
	if err == nil {
		o.ok = true
	} else {
		o.err = errors.Join(o.err, err)
	}
	o.finished = !slices.ContainsFunc(o.waiting, func(g *family) bool { return g.table.HasGood(now) })
	return o.finished
}

func (o *outcome) result() error {
	if o.ok {
		return nil
	}
	return o.err
}

// getOp is a get in up to two families.
type getOp struct {
	operation
	seen    map[infohash.Hash]struct{} // digests of the values found
	outcome outcome
}

// Get looks up the values at key that match query. What is found is reported as
// Found, each value once however many nodes hold it; with a field selection, as
// Selected, one effect per node. The values are neither verified nor decrypted.
func (e *Engine) Get(now time.Time, key infohash.Hash, query value.Query) OpID {
	e.now = now
	op := &getOp{seen: make(map[infohash.Hash]struct{})}
	e.begin(&op.operation)
	if len(query.Select) == 0 {
		e.store.Each(now, key, &query, func(item storage.Item) bool {
			e.found(op, item.Packed)
			return true
		})
	}
	op.outcome.waiting = slices.Clone(e.families)
	for _, f := range e.families {
		sink := search.GetSink{
			Values: func(_ time.Time, m *wire.Message) { e.collect(op, query, m) },
			Done: func(now time.Time, err error) {
				if op.outcome.add(now, f, 0, err) {
					e.done(op.id, 0, op.outcome.result())
					op.end(now)
				}
			},
		}
		s := e.searchFor(now, f, key).search
		get := s.Get(now, query, sink)
		op.ends = append(op.ends, func(now time.Time) { s.StopGet(now, get) })
	}
	e.settle(now)
	return op.id
}

func (e *Engine) collect(op *getOp, query value.Query, m *wire.Message) {
	if len(query.Select) > 0 && len(m.Fields) > 0 {
		if fields, err := value.ParseFields(m.Fields); err == nil && len(fields) > 0 {
			e.effect(Effect{Kind: Selected, Op: op.id, Fields: fields})
		}
		return
	}
	for _, v := range m.Values {
		if v.Raw != nil {
			e.found(op, v.Raw)
		}
	}
}

func (e *Engine) found(op *getOp, packed []byte) {
	digest := infohash.Sum(packed)
	if _, known := op.seen[digest]; known {
		return
	}
	op.seen[digest] = struct{}{}
	if v, err := value.Parse(slices.Clone(packed)); err == nil && v.ID != 0 {
		e.effect(Effect{Kind: Found, Op: op.id, Value: v})
	}
}

// putOp is a put in up to two families.
type putOp struct {
	operation
	outcome   outcome
	permanent bool
}

// Put is a value to be announced. ID must not be zero; a signed value must have
// been signed, an encrypted one encrypted.
type Put struct {
	Key       infohash.Hash
	Value     *value.Value
	Created   time.Time // start of the value's life; zero means now
	Permanent bool      // kept alive until stopped
	Elsewhere bool      // no copy is kept here
}

// Put announces a value to the nodes closest to its key, and keeps a copy here
// unless p.Elsewhere is set.
func (e *Engine) Put(now time.Time, p Put) OpID {
	e.now = now
	op := &putOp{permanent: p.Permanent}
	e.begin(&op.operation)
	created := p.Created
	if created.IsZero() || created.After(now) {
		created = now
	}
	packed := e.requests.encode(p.Value.Append)
	kind := p.Value.Type
	if p.Value.Encrypted() {
		kind = value.TypeUserData
	}
	if !p.Elsewhere {
		e.store.Commit(now, storage.Put{Key: p.Key, Value: p.Value, Created: created, Own: true, Permanent: p.Permanent})
	}
	announce := search.Put{
		ID: p.Value.ID, Seq: p.Value.Seq, Signed: p.Value.Signed(), Packed: packed,
		Created: created.Unix(), Life: e.cfg.Types.Life(kind), Permanent: p.Permanent,
	}
	op.outcome.waiting = slices.Clone(e.families)
	for _, f := range e.families {
		announce.Done = func(now time.Time, stored int, err error) { e.putDone(now, op, f, stored, err) }
		s := e.searchFor(now, f, p.Key).search
		a := s.Announce(now, announce)
		op.ends = append(op.ends, func(now time.Time) { s.StopAnnounce(now, a) })
	}
	if p.Permanent {
		op.ends = append(op.ends, func(now time.Time) { e.store.Remove(now, p.Key, p.Value.ID) })
	}
	e.settle(now)
	return op.id
}

func (e *Engine) putDone(now time.Time, op *putOp, f *family, stored int, err error) {
	if !op.outcome.add(now, f, stored, err) {
		return
	}
	if op.permanent {
		// It goes on until it is stopped.
		e.effect(Effect{Kind: Done, Op: op.id, Stored: op.outcome.stored, Err: op.outcome.result()})
		return
	}
	e.done(op.id, op.outcome.stored, op.outcome.result())
	op.end(now)
}

// listenOp is a listen in up to two families and in this node's own storage.
type listenOp struct {
	operation
	cache  *search.Cache
	placed []placedListen
	timer  timer
}

// placedListen is a listen in one family.
type placedListen struct {
	search *search.Search
	listen *search.Listen
}

// Listen follows the values at key that match query until it is stopped: Found
// when one appears, Lost when the last node that had it has lost it.
func (e *Engine) Listen(now time.Time, key infohash.Hash, query value.Query) OpID {
	e.now = now
	op := &listenOp{}
	e.begin(&op.operation)
	report := func(kind EffectKind) func(time.Time, []byte) {
		return func(_ time.Time, packed []byte) {
			if v, err := value.Parse(slices.Clone(packed)); err == nil {
				e.effect(Effect{Kind: kind, Op: op.id, Value: v})
			}
		}
	}
	op.cache = search.NewCache(e.cfg.Types.Life, search.CacheSink{
		Added:   report(Found),
		Expired: report(Lost),
		Due:     func(at time.Time) { e.set(&op.timer, at) },
	})
	op.timer.fire = op.cache.Tick
	op.relax = func(now time.Time, relaxed bool) {
		for _, p := range op.placed {
			p.search.RelaxListen(now, p.listen, relaxed)
		}
	}
	query.Select = nil
	e.watch(now, op, key, query)
	for _, f := range e.families {
		s := e.searchFor(now, f, key).search
		l := s.Listen(now, query, op.cache)
		op.placed = append(op.placed, placedListen{s, l})
		op.ends = append(op.ends, func(now time.Time) { s.StopListen(now, l) })
	}
	op.ends = append(op.ends, func(time.Time) { e.set(&op.timer, time.Time{}) })
	e.settle(now)
	return op.id
}

// RelaxListen makes a listen cost less, or as much as before: see
// [search.RelaxedRepeat]. Other operations are as they were.
func (e *Engine) RelaxListen(now time.Time, id OpID, relaxed bool) {
	e.now = now
	if op := e.ops[id]; op != nil && op.relax != nil {
		op.relax(now, relaxed)
		e.settle(now)
	}
}

// Ping asks the node at an address for its id, until it answers or does not
// after all tries.
func (e *Engine) Ping(now time.Time, to netip.AddrPort) OpID {
	e.now = now
	op := &operation{}
	e.begin(op)
	e.ping(now, to, false, search.Handler{
		Reply: func(time.Time, *wire.Message, []*routing.Node) { e.done(op.id, 0, nil) },
		Fail:  func(_ time.Time, err error) { e.done(op.id, 0, err) },
	})
	e.settle(now)
	return op.id
}
