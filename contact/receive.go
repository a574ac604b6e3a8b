package contact

import (
	"time"

	"rollcall/dht/infohash"
)

// Receive handles a trust request or a confirm. The slices of m are retained
// when the outcome is Pending.
func (l *List) Receive(now time.Time, m Message) Outcome {
	c := l.contacts[m.From]
	switch {
	case m.From == l.self:
		return FromSelf
	case m.From.IsZero(), !validConversation(m.ConversationID), len(m.DeviceKey) > maxDeviceKey:
		return Malformed
	case !c.Active() && c.Banned:
		return FromBanned
	case m.Confirm:
		return l.confirmed(m, c)
	case c.Active():
		return l.asked(now, m, c)
	default:
		return l.request(now, m)
	}
}

// confirmed handles a confirm of our request (threat A7). It says nothing about
// conversations but for a contact that has none.
func (l *List) confirmed(m Message, c Contact) Outcome {
	if !c.Active() || !c.Asked {
		return Unasked
	}
	old := c
	c.Confirmed = true
	if c.ConversationID == "" {
		c.ConversationID = m.ConversationID
	}
	l.update(m.From, c, old)
	return Confirmed
}

// update stores what a message of the peer changed of a contact; a confirmed
// contact needs no request any more.
func (l *List) update(peer infohash.Hash, c, old Contact) {
	if c != old {
		l.save(peer, c, ByPeer)
		l.emit(ContactAdded{peer, c.Confirmed, c.ConversationID})
	}
	l.end(peer, Ask, Done)
}

// asked handles a request of an active contact: it has us, so it is confirmed,
// and hears so again, as our last confirm may be lost (fault F7). Only a request
// that is news may move the contact to another conversation: an old one, put
// again by anyone, must not move it back.
func (l *List) asked(now time.Time, m Message, c Contact) Outcome {
	old, digest, invited := c, m.Digest(), dated(now, m.Invited)
	c.Confirmed = true
	if !l.decided.known(m.From, digest, invited) {
		if m.ConversationID != "" && m.ConversationID != c.ConversationID {
			c.Record = c.moved(m.ConversationID)
		}
		l.remember(now, m.From, digest, invited)
	}
	l.update(m.From, c, old)
	if !l.answer(now, m.From, m.Device, m.ConversationID) {
		return AnsweredJust
	}
	return Answered
}

// answer sends a confirm that echoes the conversation id of a request, unless
// the asking device was just sent the same.
func (l *List) answer(now time.Time, peer, device infohash.Hash, conversation string) bool {
	if o := l.outbox.messages[messageKey{peer, Answer}]; o != nil && o.ConversationID == conversation &&
		now.UnixMilli()-o.Sent < answerGap.Milliseconds() {
		if _, found := o.find(device); found || device.IsZero() {
			return false
		}
	}
	l.send(now, &Outgoing{Peer: peer, Kind: Answer, ConversationID: conversation}, device)
	return true
}

// dated returns the date of a message as we accept it: a sender whose clock is
// ahead cannot get ahead of its own later requests.
func dated(now time.Time, invited int64) int64 { return max(0, min(invited, now.UnixMilli())) }

// request handles a request of an account that is no contact.
func (l *List) request(now time.Time, m Message) Outcome {
	digest, invited := m.Digest(), dated(now, m.Invited)
	l.forget(now)
	if l.decided.known(m.From, digest, invited) {
		return Decided
	}
	r := &Request{
		From: m.From, Device: m.Device, DeviceKey: m.DeviceKey, ConversationID: m.ConversationID,
		Payload: m.Payload, Received: now.UnixMilli(), Invited: invited, Digest: digest,
	}
	if len(r.Payload) > MaxPayload {
		r.Payload = nil
	}
	if old := l.pending.byPeer[m.From]; old != nil {
		return l.supersede(now, old, r)
	}
	return l.admit(r)
}

// supersede handles a request of an account that has one pending already: the
// later one stays. The user is not asked for attention a second time.
func (l *List) supersede(now time.Time, old, r *Request) Outcome {
	if r.Digest == old.Digest {
		return Duplicate
	}
	// Another device of ours passes requests on without their payload.
	completes := len(old.Payload) == 0 && r.Invited == old.Invited && r.ConversationID == old.ConversationID
	if !completes && (r.date() < old.date() || r.Invited != 0 && r.Invited == old.Invited) {
		l.remember(now, r.From, r.Digest, 0)
		return Outdated
	}
	r.Quiet, r.Seen, r.Approved = old.Quiet, old.Seen, old.Approved
	if l.pending.bytes-old.size()+r.size() > maxPendingBytes {
		return Overflow
	}
	l.remember(now, r.From, old.Digest, 0)
	l.pending.put(r)
	l.emit(SaveRequest{*r})
	l.emit(RequestReceived{*r, old})
	return Pending
}

// admit takes in the first request of an account, if policy and space allow
// (threat A6).
func (l *List) admit(r *Request) Outcome {
	approved, code := l.policy.approve(r.From, r.Payload)
	if !approved && l.policy.Mode == ApprovedOnly {
		return Unapproved
	}
	r.Approved = approved
	r.Quiet = !approved && (l.policy.Mode == Quietly || l.pending.loud >= maxLoud)
	for l.pending.full(r.size()) {
		victim := l.pending.victim()
		if victim == nil {
			return Overflow
		}
		l.pending.remove(victim.From)
		l.emit(DeleteRequest{victim.From})
		l.emit(RequestClosed{*victim, Evicted})
	}
	if code != "" {
		l.policy.use(code)
		l.emit(SavePolicy{l.policy})
	}
	l.pending.put(r)
	l.emit(SaveRequest{*r})
	l.emit(RequestReceived{*r, nil})
	return Pending
}
