package exchange

import (
	"slices"
	"time"
)

// review asks for the channels that a device should have, and sends what waits
// for it. Every input about the device ends with it.
func (x *Exchange) review(now time.Time, d *device) {
	for k := range kinds {
		if c := x.asker(d, k); c != nil && !now.Before(c.asks[k].at) {
			c.asks[k].under = true
			x.emit(Ask{c.id, k})
		}
	}
	x.sendNote(now, d)
	for _, t := range slices.Clone(x.texts) {
		x.sendText(now, d, t)
	}
	x.wakeFor(d)
}

// asker returns the connection on which a channel of a kind is still to be asked
// for: the newest, unless there is such a channel, or word of one is awaited.
// Who is no contact comes to us, or not.
func (x *Exchange) asker(d *device, k Kind) *conn {
	c := d.conns[len(d.conns)-1]
	if c.asks[k].under || c.asks[k].refused || d.open(k) != nil || !x.cfg.Contact(d.account) {
		return nil
	}
	return c
}

// open returns the channel of a kind to send by, nil if there is none: the one
// opened last on the newest connection.
func (d *device) open(k Kind) *channel {
	for _, c := range slices.Backward(d.conns) {
		for _, ch := range slices.Backward(c.channels) {
			if ch.kind == k {
				return ch
			}
		}
	}
	return nil
}

// route returns the channel by which a message goes to a device, nil if there is
// none yet. By SIP it goes only once it is clear that the device takes no records.
func (d *device) route() *channel {
	if ch := d.open(Records); ch != nil {
		return ch
	}
	if !d.conns[len(d.conns)-1].asks[Records].refused {
		return nil
	}
	return d.open(SIP)
}
