package plan

import (
	"bytes"
	"container/heap"
	"slices"
	"time"

	"rollcall/dht/value"
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

	deadline time.Time
	place    int // in timers, -1 = not there
}

// desired reports whether we want to be connected with it.
func (d *device) desired(now time.Time) bool { return d.wanted || d.lingers.After(now) }

func (p *Plan) get(id value.LongID) *device {
	d := p.devices[id]
	if d == nil {
		d = &device{id: id, place: -1}
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
		p.schedule(d, d.gap)
	default:
		p.schedule(d, time.Time{})
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
	slices.SortFunc(all, func(a, b *device) int { return bytes.Compare(a.id[:], b.id[:]) })
	return all
}

func (p *Plan) schedule(d *device, deadline time.Time) {
	d.deadline = deadline
	switch {
	case deadline.IsZero() && d.place >= 0:
		heap.Remove(&p.timers, d.place)
	case deadline.IsZero():
	case d.place < 0:
		heap.Push(&p.timers, d)
	default:
		heap.Fix(&p.timers, d.place)
	}
}

// timers is a heap of the devices that have a deadline; each knows its place.
type timers []*device

func (h timers) Len() int { return len(h) }

func (h timers) Less(i, j int) bool {
	if !h[i].deadline.Equal(h[j].deadline) {
		return h[i].deadline.Before(h[j].deadline)
	}
	return bytes.Compare(h[i].id[:], h[j].id[:]) < 0
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *timers) Push(x any) {
	d := x.(*device)
	d.place = len(*h)
	*h = append(*h, d)
}

// Pop implements heap.Interface.
func (h *timers) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	d.place = -1
	(*h)[last] = nil
	*h = (*h)[:last]
	return d
}
