package presence

import (
	"slices"
	"time"

	"rollcall/dht/infohash"
)

// Memory is what is known of an account beyond a restart.
type Memory struct {
	LastSeen time.Time
	History  []Change // oldest first
	Dates    []DeviceDate
}

// DeviceDate is the newest signed time of a device, one that was not ahead of ours,
// and when we saw it first.
type DeviceDate struct {
	Device        infohash.Hash
	Newest, Seen  time.Time
	Gone, Lasting bool
}

// memory returns a copy of what p remembers.
func (p *peer) memory() Memory {
	m := Memory{LastSeen: p.lastSeen, History: slices.Clone(p.history)}
	for id, d := range p.dates {
		if s := d.near; !s.newest.IsZero() {
			m.Dates = append(m.Dates, DeviceDate{id, s.newest, s.seen, s.gone, s.lasting})
		}
	}
	slices.SortFunc(m.Dates, func(a, b DeviceDate) int { return a.Device.Compare(b.Device) })
	return m
}

// Restore takes in what was stored of a tracked account. Call it when its listen
// begins, before anything is heard.
func (t *Tracker) Restore(account infohash.Hash, m Memory) {
	p := t.peers[account]
	if p == nil {
		return
	}
	if m.LastSeen.After(p.lastSeen) {
		p.lastSeen = m.LastSeen
	}
	if t.cfg.History > 0 && len(p.history) == 0 {
		p.history = slices.Clone(m.History[max(0, len(m.History)-t.cfg.History):])
	}
	if p.note.At.IsZero() {
		p.note = lastNote(m.History)
	}
	for _, d := range m.Dates[:min(len(m.Dates), maxDevices)] {
		if _, known := p.dates[d.Device]; !known {
			p.dates[d.Device] = &dates{near: sighting{d.Newest, d.Seen, d.Gone, d.Lasting}}
		}
	}
}
