package contact

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/dht/infohash"
)

// outbox holds what is to be delivered (outbox rules of the threats file). A
// message is saved before it is first put, keeps one value per recipient device
// alive, is put at once when a device appears, and goes when it is confirmed or
// not wanted any more.
type outbox struct {
	messages map[messageKey]*Outgoing
	present  map[infohash.Hash][]infohash.Hash // devices there now, by account
	next     time.Time                         // no delivery is due before; zero = none is
}

func (b *outbox) restore(now time.Time, stored []Outgoing, rng *rand.Rand) {
	b.messages = make(map[messageKey]*Outgoing, len(stored))
	b.present = make(map[infohash.Hash][]infohash.Hash)
	for _, o := range stored {
		o := o.copy()
		b.messages[o.key()] = &o
	}
	for _, key := range b.sorted() {
		deliveries := b.messages[key].Deliveries
		for i := range deliveries {
			deliveries[i].due = now.Add(randomly(rng, restartSpread))
			b.arm(deliveries[i].due)
		}
	}
}

func (b *outbox) arm(due time.Time) {
	if !due.IsZero() && (b.next.IsZero() || due.Before(b.next)) {
		b.next = due
	}
}

func (b *outbox) isPresent(peer, device infohash.Hash) bool {
	return slices.Contains(b.present[peer], device)
}

// sorted returns the keys of all messages in order.
func (b *outbox) sorted() []messageKey {
	return slices.SortedFunc(maps.Keys(b.messages), messageKey.compare)
}

// randomly returns a time below d.
func randomly(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(d)))
}

// send queues a message in place of any other of its kind for the peer, and puts
// it for the devices that are there and for device, if not zero.
func (l *List) send(now time.Time, o *Outgoing, device infohash.Hash) {
	if l.outbox.messages[o.key()] != nil {
		l.emit(DeleteOutgoing{o.Peer, o.Kind})
	}
	l.outbox.messages[o.key()] = o
	o.Sent = now.UnixMilli()
	if !device.IsZero() {
		l.address(now, o, device)
	}
	for _, d := range l.outbox.present[o.Peer] {
		l.address(now, o, d)
	}
	l.emit(SaveOutgoing{o.copy()})
	l.emit(OutgoingChanged{o.Peer, o.Kind, o.State})
	l.putDue(now, o)
}

// end removes a message that has reached its last state.
func (l *List) end(peer infohash.Hash, kind Kind, last State) {
	key := messageKey{peer, kind}
	if l.outbox.messages[key] == nil {
		return
	}
	delete(l.outbox.messages, key)
	l.emit(DeleteOutgoing{peer, kind})
	l.emit(OutgoingChanged{peer, kind, last})
}

// address adds a delivery to a device that has none and reports whether it did.
func (l *List) address(now time.Time, o *Outgoing, device infohash.Hash) bool {
	i, found := o.find(device)
	if found || len(o.Deliveries) >= maxRecipients {
		return false
	}
	o.Deliveries = slices.Insert(o.Deliveries, i, Delivery{Device: device, ValueID: l.valueID(), due: now})
	return true
}

// valueID draws the id of a value; 0 is invalid on the network.
func (l *List) valueID() uint64 {
	for {
		if id := l.rng.Uint64(); id != 0 {
			return id
		}
	}
}

// DeviceUp tells that a device of an account is on the network, with a
// certificate that leads to the account and is not revoked.
func (l *List) DeviceUp(now time.Time, peer, device infohash.Hash) {
	present := l.outbox.present[peer]
	if slices.Contains(present, device) || len(present) >= maxRecipients {
		return
	}
	l.outbox.present[peer] = append(present, device)
	for _, kind := range []Kind{Ask, Answer} {
		o := l.outbox.messages[messageKey{peer, kind}]
		if o == nil {
			continue
		}
		if l.address(now, o, device) {
			l.emit(SaveOutgoing{o.copy()})
		}
		if i, found := o.find(device); found {
			d := &o.Deliveries[i]
			d.due = now
			if soonest := d.put.Add(minPutGap); !d.put.IsZero() && soonest.After(now) {
				d.due = soonest
			}
		}
		l.putDue(now, o)
	}
}

// DeviceDown tells that a device is no longer on the network.
func (l *List) DeviceDown(peer, device infohash.Hash) {
	present := slices.DeleteFunc(l.outbox.present[peer], func(d infohash.Hash) bool { return d == device })
	if len(present) == 0 {
		delete(l.outbox.present, peer)
		return
	}
	l.outbox.present[peer] = present
}

// DeviceRevoked tells that a device does not belong to its account any more;
// nothing is put for it from now on.
func (l *List) DeviceRevoked(peer, device infohash.Hash) {
	l.DeviceDown(peer, device)
	for _, kind := range []Kind{Ask, Answer} {
		o := l.outbox.messages[messageKey{peer, kind}]
		if o == nil {
			continue
		}
		if i, found := o.find(device); found {
			l.emit(DeleteDelivery{o.ref(i)})
			o.Deliveries = slices.Delete(o.Deliveries, i, i+1)
			l.emit(SaveOutgoing{o.copy()})
		}
	}
}

// PutDone tells how a [Put] ended: ok means that at least one node has the
// value. An outcome that comes too late is ignored.
func (l *List) PutDone(now time.Time, ref Ref, ok bool) {
	o := l.outbox.messages[messageKey{ref.Peer, ref.Kind}]
	if o == nil {
		return
	}
	i, found := o.find(ref.Device)
	if !found || o.Deliveries[i].ValueID != ref.ValueID {
		return
	}
	d := &o.Deliveries[i]
	if ok {
		l.stored(now, o, d)
	} else {
		longest := maxRetry
		if l.outbox.isPresent(ref.Peer, ref.Device) {
			longest = maxRetryPresent
		}
		wait := min(minRetry<<min(max(d.failures-1, 0), 10), longest)
		d.due = now.Add(wait/2 + randomly(l.rng, wait/2))
	}
	l.outbox.arm(d.due)
}

// stored notes that the network holds the value of a delivery.
func (l *List) stored(now time.Time, o *Outgoing, d *Delivery) {
	present := l.outbox.isPresent(o.Peer, d.Device)
	d.failures = 0
	d.due = now.Add(keepAlive - randomly(l.rng, keepAliveJitter))
	state := Stored
	if present {
		state = Delivered
		if o.Kind == Answer {
			d.due = now.Add(settle)
		}
	}
	if state > o.State || !d.Stored {
		changed := state > o.State
		d.Stored = true
		o.State = max(o.State, state)
		l.emit(SaveOutgoing{o.copy()})
		if changed {
			l.emit(OutgoingChanged{o.Peer, o.Kind, o.State})
		}
	}
}

// tickOutbox puts what is due.
func (l *List) tickOutbox(now time.Time) {
	if l.outbox.next.IsZero() || l.outbox.next.After(now) {
		return
	}
	l.outbox.next = time.Time{}
	for _, key := range l.outbox.sorted() {
		l.putDue(now, l.outbox.messages[key])
	}
}

// putDue does what is due of one message and arms the timer for the rest.
func (l *List) putDue(now time.Time, o *Outgoing) {
	for i := range o.Deliveries {
		d := &o.Deliveries[i]
		if d.due.IsZero() || d.due.After(now) {
			l.outbox.arm(d.due)
			continue
		}
		present := l.outbox.isPresent(o.Peer, d.Device)
		switch {
		case o.Kind == Answer && present && d.failures == 0 && !d.put.IsZero() && now.Sub(d.put) >= settle:
			l.end(o.Peer, o.Kind, Done)
			return
		case o.expired(now) && o.Kind == Answer:
			l.end(o.Peer, o.Kind, Cancelled)
			return
		case o.expired(now) && !present:
			d.due = time.Time{}
		default:
			// The outcome moves due; a put whose outcome never comes is repeated.
			d.put, d.due = now, now.Add(putTimeout)
			d.failures++
			l.emit(Put{o.ref(i), o.message()})
		}
		l.outbox.arm(d.due)
	}
}
