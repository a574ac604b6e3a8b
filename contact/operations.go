package contact

import (
	"time"

	"rollcall/dht/infohash"
)

// Add makes an account an active contact, or does nothing if it is one; it lifts
// a ban and sends nothing to a stranger. If the account has asked to be a contact,
// this accepts its request. changed reports whether anything changed.
func (l *List) Add(now time.Time, peer infohash.Hash) (changed bool, err error) {
	if err := l.mayHold(peer); err != nil {
		return false, err
	}
	if l.accept(now, peer) {
		return true, nil
	}
	return l.activate(now, peer, Contact{}), nil
}

// mayHold reports why the list cannot hold a record of peer.
func (l *List) mayHold(peer infohash.Hash) error {
	if !l.valid(peer) {
		return ErrPeer
	}
	if _, known := l.contacts[peer]; !known && len(l.contacts) >= MaxContacts {
		return ErrFull
	}
	return nil
}

// activate makes peer an active contact that is confirmed and asked, if with
// says so, and reports whether clients see a change. The conversation of with, if
// any, is that of a new adding. An active contact keeps the time of its adding,
// so that what other devices know about this adding stays true.
func (l *List) activate(now time.Time, peer infohash.Hash, with Contact) bool {
	old := l.contacts[peer]
	c := old
	if !c.Active() {
		c.Record = Record{Added: c.after(now.UnixMilli()), ConversationID: c.ConversationID}
		if with.ConversationID != "" {
			c.ConversationID = with.ConversationID
		}
	}
	c.Confirmed = c.Confirmed || with.Confirmed
	c.Asked = c.Asked || with.Asked
	if c == old {
		return false
	}
	l.save(peer, c, ByUser)
	if c.Record == old.Record {
		return false
	}
	l.emit(ContactAdded{peer, c.Confirmed, c.ConversationID})
	return true
}

// Remove takes an account out of the list, or bans it, known or not. A pending
// request of the account and our own messages to it are dropped. changed is
// false when the account is already in that state.
func (l *List) Remove(now time.Time, peer infohash.Hash, ban bool) (changed bool, err error) {
	if err := l.mayHold(peer); err != nil {
		return false, err
	}
	reason := Discarded
	if ban {
		reason = Blocked
	}
	closed := l.closeRequest(now, peer, reason)
	l.end(peer, Ask, Cancelled)
	l.end(peer, Answer, Cancelled)
	c, known := l.contacts[peer]
	if !c.Active() && c.Banned == ban && (known || !ban) {
		// A client that refuses a request this way waits for the signal.
		if !known {
			l.emit(ContactRemoved{peer, false, ""})
		}
		return closed, nil
	}
	conversation := c.ConversationID
	c.Removed = c.after(now.UnixMilli())
	c.Confirmed, c.Banned, c.Asked = false, ban, false
	if !ban {
		c.ConversationID = ""
	}
	l.save(peer, c, ByUser)
	l.emit(ContactRemoved{peer, ban, conversation})
	return true, nil
}

// Accept makes the account of a pending request a confirmed contact and sends a
// confirm with the conversation id of the request, exactly as it was received.
// Without a request the account becomes a confirmed contact and nothing is sent.
// changed reports whether anything changed.
func (l *List) Accept(now time.Time, from infohash.Hash) (changed bool, err error) {
	if err := l.mayHold(from); err != nil {
		return false, err
	}
	if l.accept(now, from) {
		return true, nil
	}
	return l.activate(now, from, Contact{Record: Record{Confirmed: true}}), nil
}

// accept accepts the pending request of an account and reports whether there was
// one.
func (l *List) accept(now time.Time, from infohash.Hash) bool {
	request := l.pending.byPeer[from]
	if !l.closeRequest(now, from, Accepted) {
		return false
	}
	l.activate(now, from, Contact{Record: Record{Confirmed: true, ConversationID: request.ConversationID}})
	l.answer(now, from, request.Device, request.ConversationID)
	return true
}

// Discard drops the pending request of an account and reports whether there was
// one. Nothing is sent.
func (l *List) Discard(now time.Time, from infohash.Hash) bool {
	return l.closeRequest(now, from, Discarded)
}

// closeRequest ends the pending request of an account and remembers that it is
// decided.
func (l *List) closeRequest(now time.Time, from infohash.Hash, reason Reason) bool {
	request := l.pending.remove(from)
	if request == nil {
		return false
	}
	l.emit(DeleteRequest{from})
	l.remember(now, from, request.Digest, request.Invited)
	l.emit(RequestClosed{*request, reason})
	return true
}

// remember marks a request as decided.
func (l *List) remember(now time.Time, peer infohash.Hash, digest Digest, invited int64) {
	l.emit(SaveDecision{l.decided.remember(now, peer, digest, invited)})
	l.forget(now)
}

// forget drops the decisions that are too old or too many.
func (l *List) forget(now time.Time) {
	for _, gone := range l.decided.prune(now) {
		l.emit(DeleteDecision{gone})
	}
}

// See marks pending requests as looked at by the user: they are not dropped for
// newer ones, and make room for others to ask for attention.
func (l *List) See(accounts ...infohash.Hash) {
	for _, from := range accounts {
		if l.pending.see(from) {
			l.emit(SaveRequest{*l.pending.byPeer[from]})
		}
	}
}

// Send asks an account to be a contact: it is added like by Add and the request
// is delivered to each of its devices, whenever they appear, until it is
// confirmed. The payload is a vCard or empty and is not copied. A pending request
// of the account is accepted instead, since both sides have asked then.
func (l *List) Send(now time.Time, peer infohash.Hash, payload []byte) error {
	if err := l.mayHold(peer); err != nil {
		return err
	}
	if len(payload) > MaxPayload {
		return ErrPayload
	}
	if l.accept(now, peer) {
		return nil
	}
	l.activate(now, peer, Contact{Asked: true})
	if l.resent(now, peer, payload) {
		return nil
	}
	l.send(now, &Outgoing{Peer: peer, Kind: Ask, Payload: payload}, infohash.Hash{})
	return nil
}

// resent reports whether the same request is on its way since a moment ago.
func (l *List) resent(now time.Time, peer infohash.Hash, payload []byte) bool {
	o := l.outbox.messages[messageKey{peer, Ask}]
	return o != nil && now.UnixMilli()-o.Sent < resendGap.Milliseconds() && string(o.Payload) == string(payload)
}

// Cancel stops our request to an account and reports whether there was one. The
// contact stays, and a confirm that is under way still counts.
func (l *List) Cancel(peer infohash.Hash) bool {
	if l.outbox.messages[messageKey{peer, Ask}] == nil {
		return false
	}
	l.end(peer, Ask, Cancelled)
	return true
}
