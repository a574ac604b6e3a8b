package plan

import (
	"slices"
	"time"

	"rollcall/dht/value"
)

// Up tells of a new connection with a device. request is that of the attempt it
// comes from, 0 when the device has asked.
func (p *Plan) Up(now time.Time, id value.LongID, conn ConnID, request uint64) {
	d := p.get(id)
	if request != 0 {
		p.end(request)
	}
	d.gap = time.Time{}
	if len(d.conns) == 0 {
		d.up = now
	}
	// Older ones may be dead, and this one be made because of that (peer spec 1.5).
	for _, c := range d.conns {
		p.emit(Effect{Kind: Check, Device: id, Conn: c})
	}
	if len(d.conns) >= maxConnsEach {
		p.emit(Effect{Kind: Drop, Device: id, Conn: d.conns[0]})
	}
	d.conns = append(d.conns, conn)
	p.conns++
	if d.state == waiting || d.state == queued {
		p.halt(now, d)
	}
	p.fill(now)
}

// Down tells that a connection has ended. silent means that the device did not
// say so: it may be back on another way before it is announced, and is looked for if
// it was wanted.
func (p *Plan) Down(now time.Time, id value.LongID, conn ConnID, silent bool) {
	d := p.devices[id]
	if d == nil {
		return
	}
	i := slices.Index(d.conns, conn)
	if i < 0 {
		return
	}
	d.conns = slices.Delete(d.conns, i, i+1)
	p.conns--
	if len(d.conns) == 0 {
		if silent && d.known {
			d.lingers = now.Add(linger)
		}
		wait := reconnect
		if silent || now.Sub(d.up) >= stable {
			d.failures = 0
		} else {
			d.failures++
			wait = backoff(d.failures)
		}
		if d.state == idle {
			p.again(now, d, p.spread(wait))
		}
	}
	p.fill(now)
}
