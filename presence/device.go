package presence

import (
	"time"

	"rollcall/dht/infohash"
)

// device is a device of a tracked account that is on the network: it has at
// least one live value.
type device struct {
	id      infohash.Hash
	key     []byte
	verdict Verdict
	values  map[uint64]*held
	dates   *dates // of the device, also of earlier sightings; shared with its peer

	changed time.Time     // when it came, or its announcement was another one
	pace    time.Duration // how long that was after the time before
}

// held is one live announcement, under one value id.
type held struct{ holders []holder }

// holder is a node by which a value is known, and when it ends by our clock.
type holder struct {
	node    infohash.Hash // zero stands for nodes that are not told apart
	expires time.Time
}

// hold notes that node has the value until expires; with many nodes, the one
// that has it for the shortest time makes room.
func (h *held) hold(node infohash.Hash, expires time.Time) {
	shortest := 0
	for i := range h.holders {
		if h.holders[i].node == node {
			h.holders[i].expires = expires
			return
		}
		if h.holders[i].expires.Before(h.holders[shortest].expires) {
			shortest = i
		}
	}
	switch {
	case len(h.holders) < maxHolders:
		h.holders = append(h.holders, holder{node, expires})
	case h.holders[shortest].expires.Before(expires):
		h.holders[shortest] = holder{node, expires}
	}
}

// release notes that node does not have the value any more.
func (h *held) release(node infohash.Hash) {
	for i := range h.holders {
		if h.holders[i].node == node {
			h.holders = append(h.holders[:i], h.holders[i+1:]...)
			return
		}
	}
}

// ends returns when the value ends by our clock; zero without holders.
func (h *held) ends() time.Time {
	var latest time.Time
	for _, holder := range h.holders {
		if holder.expires.After(latest) {
			latest = holder.expires
		}
	}
	return latest
}

// prune drops the values that have ended.
func (d *device) prune(now time.Time) {
	for id, h := range d.values {
		if !d.ends(h).After(now) {
			delete(d.values, id)
		}
	}
}

// ends returns when a value of the device ends: by its life, or by its date.
func (d *device) ends(h *held) time.Time {
	ends := h.ends()
	if limit := d.dates.limit(); !limit.IsZero() && limit.Before(ends) {
		return limit
	}
	return ends
}

// anew reports whether a value is a reason to think that the device, which is on
// the network, was started again: it is another one, or its date is newer, and it
// is no renewal at the pace of those before.
func (d *device) anew(now time.Time, id uint64, newer bool) bool {
	switch {
	case len(d.values) == 0:
		d.changed = now
		return false
	case !newer && (d.values[id] != nil || d.dates.shown()):
		return false
	}
	pace := now.Sub(d.changed)
	steady := d.pace > 0 && (pace-d.pace).Abs() <= d.pace/steadiness
	d.changed, d.pace = now, pace
	return !steady
}

// last returns when the last value of the device ends.
func (d *device) last() time.Time {
	var latest time.Time
	for _, h := range d.values {
		if ends := d.ends(h); ends.After(latest) {
			latest = ends
		}
	}
	return latest
}

// room makes place for one more value, if it must at the expense of the one that
// ends first.
func (d *device) room() {
	if len(d.values) < maxValues {
		return
	}
	var first uint64
	var ends time.Time
	for id, h := range d.values {
		if e := d.ends(h); ends.IsZero() || e.Before(ends) || e.Equal(ends) && id < first {
			first, ends = id, e
		}
	}
	delete(d.values, first)
}
