package search

import (
	"bytes"
	"slices"
	"time"

	"rollcall/dht/value"
)

// Cache merges what several storing nodes report to one listen: a value is new
// when the first of them reports it, and has expired when the last has lost it.
//
// Every report also ends by the clock of this node, a life after the reporting
// node was last heard to have the value, so that a storing node that vanishes
// cannot keep a value alive.
//
// Values under one id with different content are different values: what a node
// reports replaces only what the same node reported before.
//
// Where nodes disagree whether a value has ended, since a clock is wrong or a node
// lies, the majority is right: see dispute.
type Cache struct {
	sink    CacheSink
	life    func(value.TypeID) time.Duration
	entries map[uint64][]*entry
	sources map[uint32]int       // values held per source
	ended   map[uint64]time.Time // values whose end was reported lately
	bytes   int
	count   int
	next    time.Time // no report ends before
}

// CacheSink receives the changes of a cache. The slices are only valid during
// the call.
type CacheSink struct {
	Added   func(now time.Time, packed []byte)
	Expired func(now time.Time, packed []byte)
	// Due asks for a Tick at the given time, replacing the last wish; zero
	// withdraws it.
	Due func(at time.Time)
}

type entry struct {
	packed    []byte
	kind      value.TypeID
	reports   []report
	doubted   bool     // a source has reported its end
	denials   []uint32 // the sources that had it and have reported its end
	overruled bool     // reported as expired, although some vouch for it
}

type report struct {
	source uint32
	end    time.Time
}

// NewCache returns an empty cache; life tells how long values of a type live.
func NewCache(life func(value.TypeID) time.Duration, sink CacheSink) *Cache {
	return &Cache{sink: sink, life: life, entries: make(map[uint64][]*entry), sources: make(map[uint32]int), ended: make(map[uint64]time.Time)}
}

// Add notes that source has a value. Source 0 is this node's own storage.
func (c *Cache) Add(now time.Time, source uint32, packed []byte) {
	var v value.Value
	if err := v.Unpack(packed); err != nil || v.ID == 0 {
		return
	}
	end := now.Add(c.life(v.Type))
	var current *entry
	for _, e := range c.entries[v.ID] {
		if bytes.Equal(e.packed, packed) {
			current = e
			break
		}
	}
	switch {
	case current != nil:
		c.vouch(now, current, source, end)
	case c.room(source, len(packed)):
		current = &entry{packed: slices.Clone(packed), kind: v.Type}
		c.entries[v.ID] = append(c.entries[v.ID], current)
		c.bytes += len(packed)
		c.count++
		c.vouch(now, current, source, end)
		c.sink.Added(now, current.packed)
	default:
		return
	}
	// One node holds one value under an id: another content replaced what it had.
	for _, e := range slices.Clone(c.entries[v.ID]) {
		if e != current {
			c.retract(now, v.ID, e, source)
		}
	}
	c.due(end)
}

func (c *Cache) room(source uint32, size int) bool {
	return c.count < maxCachedValues && c.bytes+size <= maxCachedBytes && c.sources[source] < maxSourceValues
}

// vouch records that source has e until end. A value that is reported again is
// in doubt no longer.
func (c *Cache) vouch(now time.Time, e *entry, source uint32, end time.Time) {
	e.doubted = false
	e.denials = remove(e.denials, source)
	i := slices.IndexFunc(e.reports, func(r report) bool { return r.source == source })
	if i < 0 {
		i = len(e.reports)
		e.reports = append(e.reports, report{source: source})
		c.sources[source]++
	}
	e.reports[i].end = end
	c.restore(now, e)
}

// Refresh notes that source has extended the life of values.
func (c *Cache) Refresh(now time.Time, source uint32, ids []uint64) {
	for _, id := range ids {
		for _, e := range c.entries[id] {
			if slices.ContainsFunc(e.reports, func(r report) bool { return r.source == source }) {
				end := now.Add(c.life(e.kind))
				c.vouch(now, e, source, end)
				c.due(end)
			}
		}
	}
}

// Ended reports whether the last report of a value with this id has ended within
// the time that a message may be delayed.
func (c *Cache) Ended(now time.Time, id uint64) bool {
	at, ok := c.ended[id]
	return ok && now.Sub(at) < endedLife && len(c.entries[id]) == 0
}

// remember keeps the end of a value in mind for a while.
func (c *Cache) remember(now time.Time, id uint64) {
	if len(c.ended) >= maxEnded {
		for old, at := range c.ended {
			if now.Sub(at) >= endedLife {
				delete(c.ended, old)
			}
		}
	}
	if len(c.ended) < maxEnded {
		c.ended[id] = now
	}
}

// Expire notes that source has lost values, and returns the first few that other
// sources still vouch for.
func (c *Cache) Expire(now time.Time, source uint32, ids []uint64) (doubted []uint64) {
	for _, id := range ids {
		for _, e := range slices.Clone(c.entries[id]) {
			if c.retract(now, id, e, source) && len(e.reports) > 0 {
				e.deny(source)
				if !e.overruled && len(doubted) < maxDoubted {
					e.doubted = true
					doubted = append(doubted, id)
				}
			}
		}
	}
	return doubted
}

// Vouches reports whether source is known to have a value with this id.
func (c *Cache) Vouches(source uint32, id uint64) bool {
	return slices.ContainsFunc(c.entries[id], func(e *entry) bool {
		return slices.ContainsFunc(e.reports, func(r report) bool { return r.source == source })
	})
}

// Forsake withdraws what source alone still says of values whose end another
// source has reported: it does not answer, so its word counts less.
func (c *Cache) Forsake(now time.Time, source uint32) {
	c.withdraw(now, source, func(e *entry) bool { return e.doubted })
}

// Drop withdraws everything that source reported. What it denied counts on only
// against values that were overruled.
func (c *Cache) Drop(now time.Time, source uint32) {
	c.withdraw(now, source, func(*entry) bool { return true })
	for _, list := range c.entries {
		for _, e := range list {
			if !e.overruled {
				e.denials = remove(e.denials, source)
			}
		}
	}
}

func (c *Cache) withdraw(now time.Time, source uint32, which func(*entry) bool) {
	if c.sources[source] == 0 {
		return
	}
	for _, id := range c.ids() {
		for _, e := range slices.Clone(c.entries[id]) {
			if which(e) {
				c.retract(now, id, e, source)
			}
		}
	}
}

// ids lists the value ids in order: what is reported must not depend on the
// order of a map.
func (c *Cache) ids() []uint64 {
	ids := make([]uint64, 0, len(c.entries))
	for id := range c.entries {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// retract removes source's report of e, and e itself with the last one. It
// reports whether source had vouched for e.
func (c *Cache) retract(now time.Time, id uint64, e *entry, source uint32) bool {
	i := slices.IndexFunc(e.reports, func(r report) bool { return r.source == source })
	if i < 0 {
		return false
	}
	e.reports = slices.Delete(e.reports, i, i+1)
	c.forget(source)
	if len(e.reports) == 0 {
		c.remove(now, id, e)
	}
	return true
}

func (c *Cache) forget(source uint32) {
	if c.sources[source]--; c.sources[source] == 0 {
		delete(c.sources, source)
	}
}

func (c *Cache) remove(now time.Time, id uint64, e *entry) {
	list := remove(c.entries[id], e)
	if len(list) == 0 {
		delete(c.entries, id)
	} else {
		c.entries[id] = list
	}
	c.bytes -= len(e.packed)
	c.count--
	if !e.overruled {
		c.remember(now, id)
		c.sink.Expired(now, e.packed)
	}
}

// Tick ends the reports whose time is over.
func (c *Cache) Tick(now time.Time) {
	if c.next.IsZero() || now.Before(c.next) {
		return
	}
	c.next = time.Time{}
	c.sink.Due(c.next)
	for _, id := range c.ids() {
		for _, e := range slices.Clone(c.entries[id]) {
			for _, r := range slices.Clone(e.reports) {
				if now.Before(r.end) {
					c.due(r.end)
				} else {
					c.retract(now, id, e, r.source)
				}
			}
		}
	}
}

func (c *Cache) due(end time.Time) {
	if c.next.IsZero() || end.Before(c.next) {
		c.next = end
		c.sink.Due(end)
	}
}
