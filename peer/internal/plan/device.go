package plan

import (
	"bytes"
	"slices"
	"time"

	"rollcall/dht/value"
	"rollcall/internal/timers"
)

// state says what we do about connecting a device.
type state uint8

const (
	idle       state = iota
	waiting          // until the deadline
	queued           // for a place
	asking           // for an answer, until the deadline
	connecting       // the driver does what it can
)

// device is a device that is wanted, connected, or asking us.
type device struct {
	id      value.LongID
	wanted  bool
	known   bool      // it was wanted and not given up: the driver can ask it
	lingers time.Time // until when it is wanted because it fell silent

	state    state
	request  uint64
	asked    bool      // there was an attempt
	gap      time.Time // until when nothing makes us hurry
	failures int       // in a row

	conns     []ConnID // oldest first
	up        time.Time
	answers   int // of its requests, under way
	strangers int // ... that came when it was not wanted

	timers.Timer
}

// desired reports whether we want to be connected with it.
func (d *device) desired(now time.Time) bool { return d.wanted || d.lingers.After(now) }

func (p *Plan) get(id value.LongID) *device {
	d := p.devices[id]
	if d == nil {
		d = &device{id: id}
		p.devices[id] = d
	}
	return d
}

// forget drops a device that nothing is known or wanted of, once it may be asked
// again.
func (p *Plan) forget(now time.Time, d *device) {
	switch {
	case d.wanted || d.state != idle || len(d.conns) > 0 || d.answers > 0:
	case d.gap.After(now):
		p.timers.Set(d, d.gap)
	default:
		p.timers.Set(d, time.Time{})
		delete(p.devices, d.id)
		p.emit(Effect{Kind: Forget, Device: d.id})
	}
}

// sorted returns all devices in an order that does not depend on chance.
func (p *Plan) sorted() []*device {
	all := make([]*device, 0, len(p.devices))
	for _, d := range p.devices {
		all = append(all, d)
	}
	slices.SortFunc(all, byID)
	return all
}

func byID(a, b *device) int { return bytes.Compare(a.id[:], b.id[:]) }
