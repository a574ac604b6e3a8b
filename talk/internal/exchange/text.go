package exchange

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/channel/message"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/sip"
)

var (
	// ErrText reports a text that cannot be sent.
	ErrText = errors.New("talk: not a text that can be sent")
	// ErrTooMany reports that too many texts wait already.
	ErrTooMany = errors.New("talk: too many texts are on the way, try again in a minute")
	// ErrUnanswered reports a peer that did not answer a message in time.
	ErrUnanswered = errors.New("talk: a message was not answered")
)

// text is a message of ours for all devices of an account that are connected
// before until.
type text struct {
	record  message.Record
	account infohash.Hash
	status  Status
	until   time.Time
	went    []value.LongID // the devices to which it was sent
}

// transaction is a SIP request that was not answered yet.
type transaction struct {
	call  string
	text  *text // nil for a note
	until time.Time
}

// Send sends a text to an account and returns its id. What becomes of it is told
// by TextChanged.
func (x *Exchange) Send(now time.Time, to infohash.Hash, mediaType, content string) (id uint64, err error) {
	switch {
	case !isType(mediaType):
		return 0, fmt.Errorf("%w: its type is %.40q, want a media type like text/plain", ErrText, mediaType)
	case content == "" || len(content) > maxText:
		return 0, fmt.Errorf("%w: it has %d bytes, want 1 to %d", ErrText, len(content), maxText)
	case len(content) > maxBySIP && x.onlyBySIP(to):
		return 0, fmt.Errorf("%w: it has %d bytes, want at most %d for their older program", ErrText, len(content), maxBySIP)
	case len(x.texts) >= maxTexts || x.pending+len(content) > maxPending:
		return 0, ErrTooMany
	}
	t := &text{
		record:  message.Record{ID: x.newID(), Type: mediaType, Content: content},
		account: to, until: now.Add(textLimit),
	}
	x.texts = append(x.texts, t)
	x.pending += len(content)
	x.wake(t.until)
	x.remember(t.record.ID)
	x.setStatus(t, Sending)
	reached := false
	for _, d := range x.devices {
		x.sendText(now, d, t)
		x.wakeFor(d)
		reached = reached || d.account == to
	}
	if !reached {
		x.emit(Seek{to})
	}
	return t.record.ID, nil
}

// onlyBySIP reports whether the devices of an account that are connected take
// texts by SIP only.
func (x *Exchange) onlyBySIP(account infohash.Hash) bool {
	only := false
	for _, d := range x.devices {
		if d.account != account {
			continue
		}
		ch := d.route()
		if ch == nil || ch.kind != SIP {
			return false
		}
		only = true
	}
	return only
}

// isType reports whether s can stand as a media type, in a header too.
func isType(s string) bool {
	slash := false
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
		slash = slash || c == '/'
	}
	return slash && len(s) <= maxType
}

func (x *Exchange) newID() uint64 { return 1 + x.rng.Uint64N(1<<53) }

// Status returns how far a text has come, of the latest ones; 0 is that of any
// other.
func (x *Exchange) Status(id uint64) Status { return x.statuses[id] }

// remember makes place for the status of one more text.
func (x *Exchange) remember(id uint64) {
	if len(x.latest) == maxStatuses {
		delete(x.statuses, x.latest[0])
		x.latest = slices.Delete(x.latest, 0, 1)
	}
	x.latest = append(x.latest, id)
}

func (x *Exchange) setStatus(t *text, s Status) {
	if t.status < s {
		t.status = s
		x.statuses[t.record.ID] = s
		x.emit(TextChanged{t.record.ID, t.account, s})
	}
}

// sendText gives a device a text that it is to have and has not.
func (x *Exchange) sendText(now time.Time, d *device, t *text) {
	if d.account != t.account || slices.Contains(t.went, d.id) {
		return
	}
	ch := d.route()
	if ch == nil || !x.send(now, ch, t.record, t) {
		return
	}
	t.went = append(t.went, d.id)
	if ch.kind == Records {
		x.setStatus(t, Sent) // nothing more will be heard of it
	}
}

// send writes a message to a channel, in its form, and reports whether it could.
// t is nil for a note.
func (x *Exchange) send(now time.Time, ch *channel, r message.Record, t *text) bool {
	if ch.kind == Records {
		x.emit(Write{ch.id, r.Append(nil)})
		return true
	}
	m := sip.Outgoing{
		From: x.cfg.Account, To: ch.conn.device.account, Local: ch.conn.local, Remote: ch.conn.remote,
		Branch: x.token(), Tag: x.token(), CallID: x.token(),
		ID: r.ID, Type: r.Type, Body: []byte(r.Content),
	}
	data := m.Append(nil)
	if len(data) > sip.MaxSent || len(ch.unanswered) >= maxUnanswered {
		return false
	}
	ch.unanswered = append(ch.unanswered, transaction{m.CallID, t, now.Add(answerLimit)})
	x.emit(Write{ch.id, data})
	return true
}

// token returns a fresh token of SIP.
func (x *Exchange) token() string { return fmt.Sprintf("%016x", x.rng.Uint64()) }

// answered ends a transaction.
func (x *Exchange) answered(ch *channel, response *sip.Received) {
	if response.Status < 200 {
		return // there is more to come
	}
	call := response.Header("call-id")
	i := slices.IndexFunc(ch.unanswered, func(t transaction) bool { return t.call == call })
	if i < 0 {
		return
	}
	t := ch.unanswered[i].text
	ch.unanswered = slices.Delete(ch.unanswered, i, i+1)
	if t != nil && response.Status < 300 {
		x.setStatus(t, Sent)
	}
}

// undo makes what was not answered go once more.
func (x *Exchange) undo(d *device, t transaction) {
	if t.text == nil {
		d.noted, d.notedBy = 0, nil
		return
	}
	t.text.went = slices.DeleteFunc(t.text.went, func(id value.LongID) bool { return id == d.id })
}

// timeOut closes the channels of a device on which an answer is overdue: whoever
// listens there no more will not take the next message either.
func (x *Exchange) timeOut(now time.Time, d *device) {
	for _, c := range d.conns {
		for _, ch := range slices.Clone(c.channels) {
			if len(ch.unanswered) > 0 && !now.Before(ch.unanswered[0].until) {
				x.emit(Close{ch.id, ErrUnanswered})
				x.closed(now, ch)
			}
		}
	}
}

// expireTexts forgets texts whose time is over.
func (x *Exchange) expireTexts(now time.Time) {
	x.texts = slices.DeleteFunc(x.texts, func(t *text) bool {
		if now.Before(t.until) {
			return false
		}
		if t.status != Sent {
			x.setStatus(t, Failed)
		}
		x.pending -= len(t.record.Content)
		return true
	})
}
