package engine

import (
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/search"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// republication hands stored values on when the nodes closest to their keys
// change: to a node that joins them, and to the one that moves up when one of
// them is lost. Only the few closest holders of a key do it, each after asking
// what is missing, so that a change costs little traffic. A value keeps its
// creation date and with it the end of its life.
type republication struct {
	timer  timer
	joined []*routing.Node // since the last pass
	lost   []infohash.Hash

	pass   neighbourhoodChange // being worked on; empty between two passes
	cursor storage.Cursor
	jobs   []handover
	keys   []infohash.Hash // scratch
}

// neighbourhoodChange is what one pass over the keys is about.
type neighbourhoodChange struct {
	joined []*routing.Node
	lost   []infohash.Hash
}

func (c *neighbourhoodChange) empty() bool { return len(c.joined)+len(c.lost) == 0 }

// handover is a node that may lack values of a key.
type handover struct {
	to  *routing.Node
	key infohash.Hash
}

// noteJoined takes note of a node that has become good.
func (e *Engine) noteJoined(now time.Time, n *routing.Node) {
	if r := &e.republish; len(r.joined) < maxChanges {
		r.joined = append(r.joined, n)
		e.wakeRepublication(now)
	}
}

// noteLost takes note of a good node that does not answer any more.
func (e *Engine) noteLost(now time.Time, id infohash.Hash) {
	if r := &e.republish; len(r.lost) < maxChanges {
		r.lost = append(r.lost, id)
		e.wakeRepublication(now)
	}
}

// wakeRepublication starts a pass after a random while, in which other holders
// may be faster.
func (e *Engine) wakeRepublication(now time.Time) {
	if e.republish.timer.Deadline().IsZero() && e.store.Stats().Values > 0 {
		e.set(&e.republish.timer, now.Add(e.between(republishLeast, republishMost)))
	}
}

// stepRepublication looks at a slice of the keys and sends some of the
// handovers that are due.
func (e *Engine) stepRepublication(now time.Time) {
	r := &e.republish
	if r.pass.empty() && len(r.jobs) == 0 {
		r.pass = neighbourhoodChange{r.joined, r.lost}
		r.joined, r.lost, r.cursor = nil, nil, 0
	}
	if !r.pass.empty() && len(r.jobs) < maxHandovers {
		r.keys, r.cursor = e.store.Keys(r.keys[:0], r.cursor, keysPerStep)
		for _, key := range r.keys {
			for _, f := range e.families {
				e.findHandovers(now, f, key)
			}
		}
		if r.cursor == 0 {
			r.pass = neighbourhoodChange{}
		}
	}
	n := min(len(r.jobs), handoversPerStep)
	for _, job := range r.jobs[:n] {
		e.handOver(now, job)
	}
	r.jobs = slices.Delete(r.jobs, 0, n)
	switch {
	case !r.pass.empty() || len(r.jobs) > 0:
		e.set(&r.timer, now.Add(republishStep))
	case len(r.joined)+len(r.lost) > 0:
		e.wakeRepublication(now)
	}
}

// findHandovers queues what the change means for one key.
func (e *Engine) findHandovers(now time.Time, f *family, key infohash.Hash) {
	r := &e.republish
	const others = closestNodes - 1 // that hold it beside this node
	f.near = f.table.Closest(now, key, others, f.near[:0])
	closer := 0
	for _, n := range f.near {
		if key.CompareDistance(n.ID, e.id) < 0 && !slices.Contains(r.pass.joined, n) {
			closer++
		}
	}
	if closer >= republishers || !e.hasForOthers(now, key) {
		return
	}
	for _, n := range r.pass.joined {
		if slices.Contains(f.near, n) {
			r.jobs = append(r.jobs, handover{n, key})
		}
	}
	if len(f.near) < others {
		return
	}
	// Each lost node that was among the closest lets one more in at the far end.
	last := len(f.near) - 1
	for _, id := range r.pass.lost {
		if last >= 0 && key.CompareDistance(id, f.near[last].ID) < 0 {
			r.jobs = append(r.jobs, handover{f.near[last], key})
			last--
		}
	}
}

// hasForOthers reports whether a value under key may be worth handing on.
func (e *Engine) hasForOthers(now time.Time, key infohash.Hash) (found bool) {
	e.store.Each(now, key, nil, func(item storage.Item) bool {
		found = worthHandingOn(now, &item)
		return !found
	})
	return found
}

// worthHandingOn reports whether a value lives long enough, and is not one that this node
// itself keeps on the network.
func worthHandingOn(now time.Time, item *storage.Item) bool {
	expires := item.Expires()
	return !expires.IsZero() && expires.Sub(now) >= republishWorth
}

// handOver asks a node what it has under a key, and puts there what it lacks.
func (e *Engine) handOver(now time.Time, job handover) {
	f := e.familyOf(job.to.Addr.Addr())
	if job.to.Expired || f == nil {
		return
	}
	query := value.Query{Select: []value.Field{value.FieldID, value.FieldSeq}}
	m := wire.Message{Kind: wire.Request, Method: wire.Get, Key: job.key, Query: query.Append(nil)}
	e.request(now, f, job.to, &m, nil, search.Handler{
		Reply: func(now time.Time, m *wire.Message, _ []*routing.Node) {
			has := make(map[uint64]uint16)
			if fields, err := value.ParseFields(m.Fields); err == nil {
				for _, x := range fields {
					has[x.ID] = x.Seq
				}
			}
			e.putMissing(now, f, job, slices.Clone(m.Token), has)
		},
		Fail: ignoreFailure,
	})
}

func (e *Engine) putMissing(now time.Time, f *family, job handover, token []byte, has map[uint64]uint16) {
	if len(token) == 0 {
		return
	}
	sent := 0
	e.store.Each(now, job.key, nil, func(item storage.Item) bool {
		if !worthHandingOn(now, &item) {
			return true
		}
		if err := e.value.Unpack(item.Packed); err != nil {
			return true
		}
		if seq, ok := has[item.ID]; ok && seq >= e.value.Seq {
			return true
		}
		m := wire.Message{
			Kind: wire.Request, Method: wire.Put, Key: job.key, Token: token,
			Created: item.Created().Unix(), HasCreated: true,
		}
		e.stats.Republished++
		e.request(now, f, job.to, &m, [][]byte{slices.Clone(item.Packed)}, search.Handler{Reply: ignoreReply, Fail: ignoreFailure})
		sent++
		return sent < maxHandoverValues
	})
}
