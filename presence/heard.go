package presence

import (
	"time"

	"rollcall/dht/infohash"
)

// Value is an announcement that a listen at the id of an account delivered. The
// driver has checked its signature against the owner in it.
type Value struct {
	ID        uint64
	Owner     infohash.Hash // key id of the signer
	Device    infohash.Hash // "dev" of the announcement
	DeviceKey []byte        // "pk" of the announcement, DER; retained
	Stamp     Stamp         // its signed time, see ReadStamp
	Node      infohash.Hash // the node that told, zero when nodes are not told apart
	// Expires is when the value ends by our clock: when we had it from a live
	// node, plus the rest of its life. Zero stands for a full life from now.
	Expires time.Time
}

// Outcome tells what became of a value. It is for counters and debug logs.
type Outcome uint8

// The outcomes.
const (
	Untracked   Outcome = iota // of an account that is not tracked
	ForeignKey                 // signed by another key than the account (threat A2)
	NoKey                      // without the key of the device, or with that of another
	RefusedCert                // of a device that is revoked, or not of the account
	Ended                      // its life is over
	OldDate                    // dated earlier than what the device has shown (threat A3)
	TooMany                    // of one more device than an account may have
	Counted                    // it counts, also when it was known

	outcomes = int(Counted) + 1
)

func (o Outcome) String() string {
	return [outcomes]string{
		"untracked", "foreign-key", "no-key", "refused-certificate", "ended", "old-date", "too-many", "counted",
	}[o]
}

// Counts returns how many values had each outcome, indexed by it.
func (t *Tracker) Counts() [outcomes]uint64 { return t.counts }

// Heard handles a value that a node has told of, for the first time or again.
func (t *Tracker) Heard(now time.Time, account infohash.Hash, v Value) Outcome {
	outcome := t.heard(now, account, v)
	t.counts[outcome]++
	return outcome
}

func (t *Tracker) heard(now time.Time, account infohash.Hash, v Value) Outcome {
	p := t.peers[account]
	if p == nil || !p.listening {
		return Untracked
	}
	expires := bounded(now, v.Expires)
	switch {
	case v.Owner != account:
		return ForeignKey
	case len(v.DeviceKey) == 0 || infohash.Sum(v.DeviceKey) != v.Device:
		return NoKey
	case p.verdicts[v.Device].refused():
		return RefusedCert
	case !expires.After(now):
		return Ended
	case p.devices[v.Device] == nil && len(p.devices) >= maxDevices:
		return TooMany
	}
	seen, known := p.dates[v.Device]
	if !known {
		seen = &dates{}
	}
	ok, newer := seen.accept(now, v.Stamp)
	if !ok {
		return OldDate
	}
	if newer && !known && len(p.dates) < maxDevices {
		p.dates[v.Device] = seen
	}
	t.take(now, p, v, expires, seen, newer)
	return Counted
}

// bounded returns when a value ends that is said to end at expires.
func bounded(now, expires time.Time) time.Time {
	if latest := now.Add(Life); expires.IsZero() || expires.After(latest) {
		return latest
	}
	return expires
}

// take makes a value count for its device.
func (t *Tracker) take(now time.Time, p *peer, v Value, expires time.Time, seen *dates, newer bool) {
	d := p.devices[v.Device]
	if d == nil {
		d = &device{id: v.Device, key: v.DeviceKey, verdict: p.verdicts[v.Device], values: make(map[uint64]*held), dates: seen}
		p.devices[v.Device] = d
		t.emit(DeviceUp{p.account, d.id, d.key, d.verdict})
	}
	if d.anew(now, v.ID, newer) {
		t.emit(DeviceAgain{p.account, d.id, d.key, d.verdict})
	}
	if newer {
		d.dates = seen
		clear(d.values) // what was dated earlier does not count any more
	}
	if other := p.values[v.ID]; other != nil && other != d {
		delete(other.values, v.ID) // an id stands for one value at a time
	}
	h := d.values[v.ID]
	if h == nil {
		d.prune(now)
		d.room()
		h = &held{}
		d.values[v.ID] = h
		p.values[v.ID] = d
	}
	h.hold(v.Node, expires)
	if newer {
		p.saved = time.Time{}
	}
	t.alive(now, p)
	t.review(now, p, CauseDevices)
}

// Refreshed tells that node has renewed the life of a value in place, until
// expires as in [Value].
func (t *Tracker) Refreshed(now time.Time, account infohash.Hash, id uint64, node infohash.Hash, expires time.Time) {
	p, d := t.find(account, id)
	if d == nil {
		return
	}
	d.values[id].hold(node, bounded(now, expires))
	t.alive(now, p)
	t.review(now, p, CauseDevices)
}

// Expired tells that node has a value no more. It ends with the last node that
// had it.
func (t *Tracker) Expired(now time.Time, account infohash.Hash, id uint64, node infohash.Hash) {
	if p, d := t.find(account, id); d != nil {
		d.values[id].release(node)
		t.review(now, p, CauseDevices)
	}
}

// NodeLost tells that a node does not answer any more: what only it had told of
// an account counts no longer.
func (t *Tracker) NodeLost(now time.Time, account, node infohash.Hash) {
	p := t.peers[account]
	if p == nil {
		return
	}
	for _, d := range p.values {
		for _, h := range d.values {
			h.release(node)
		}
	}
	t.review(now, p, CauseDevices)
}

// find returns the device that has a live value with this id.
func (t *Tracker) find(account infohash.Hash, id uint64) (*peer, *device) {
	p := t.peers[account]
	if p == nil {
		return nil, nil
	}
	d := p.values[id]
	if d == nil || d.values[id] == nil {
		return p, nil
	}
	return p, d
}

// Judge tells what the certificate of a device says, or a revocation list of the
// account. A device that is refused counts no longer; a revocation is final. up
// reports whether the device is on the network and counts.
func (t *Tracker) Judge(now time.Time, account, device infohash.Hash, verdict Verdict) (up bool) {
	p := t.peers[account]
	if p == nil || p.verdicts[device] == Revoked {
		return false
	}
	if _, known := p.verdicts[device]; !known && len(p.verdicts) >= maxVerdicts {
		return false
	}
	p.verdicts[device] = verdict
	d := p.devices[device]
	if d == nil {
		return false
	}
	d.verdict = verdict
	if verdict.refused() {
		t.drop(p, d)
	}
	t.review(now, p, CauseDevices)
	return !verdict.refused()
}

// ChannelUp tells that a message channel with a device is open. The account need
// not be tracked.
func (t *Tracker) ChannelUp(now time.Time, account, device infohash.Hash) {
	p, err := t.get(account)
	if err != nil {
		return
	}
	c := p.channels[device]
	if c.open++; c.open == 1 {
		c.since = now
	}
	p.channels[device] = c
	t.alive(now, p)
	t.settle(now, p, CauseChannel)
}

// ChannelDown tells that one is closed. left means that the device said goodbye,
// or fell silent while our own network worked: if it is one that dates its
// announcements, it is gone until a newer one, whatever the network repeats
// (threat A3).
func (t *Tracker) ChannelDown(now time.Time, account, device infohash.Hash, left bool) {
	p := t.peers[account]
	if p == nil || p.channels[device].open == 0 {
		return
	}
	c := p.channels[device]
	c.open--
	p.channels[device] = c
	t.alive(now, p)
	if c.open > 0 {
		return
	}
	delete(p.channels, device)
	if seen := p.dates[device]; seen != nil && left && seen.leave() {
		if d := p.devices[device]; d != nil {
			t.drop(p, d)
		}
		t.save(now, p)
	}
	t.review(now, p, CauseChannel)
	t.follow(now, p)
}
