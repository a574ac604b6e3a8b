package contact

import (
	"time"

	"rollcall/dht/infohash"
)

// Sync merges what another device of the account sent: its contacts and the
// requests that are pending there (contacts spec 6). The driver has checked that
// device belongs to the account and is not revoked. It returns how many contacts
// were left out: ourselves, times in the far future, and what does not fit.
func (l *List) Sync(now time.Time, device infohash.Hash, contacts []Entry, requests []Request) (refused int) {
	for _, e := range contacts {
		if l.mayHold(e.Peer) != nil || e.Record.stamp() > now.Add(maxClockLead).UnixMilli() || !validConversation(e.Record.ConversationID) {
			refused++
			continue
		}
		l.mergeContact(now, device, e)
	}
	for _, r := range requests {
		l.syncRequest(now, r)
	}
	return refused
}

// mergeContact merges one record and tells of a change that clients see.
func (l *List) mergeContact(now time.Time, device infohash.Hash, e Entry) {
	old := l.contacts[e.Peer]
	c := old
	c.Record = merge(old.Record, e.Record.normal())
	if c == old {
		return
	}
	if c.Active() != old.Active() || c.Added != old.Added {
		// The other device may have asked for both of us.
		c.Asked = c.Active()
	}
	l.set(e.Peer, c)
	l.emit(SaveContact{e.Peer, c, old.Record, BySync, device})
	if c.Active() {
		l.closeRequest(now, e.Peer, Settled)
		if c.Confirmed {
			l.end(e.Peer, Ask, Done)
		}
	} else {
		l.closeRequest(now, e.Peer, Settled)
		l.end(e.Peer, Ask, Cancelled)
		l.end(e.Peer, Answer, Cancelled)
	}
	if c.Active() == old.Active() && c.Banned == old.Banned && c.Confirmed == old.Confirmed {
		return
	}
	if c.Active() {
		l.emit(ContactAdded{e.Peer, c.Confirmed, c.ConversationID})
	} else {
		l.emit(ContactRemoved{e.Peer, c.Banned, old.ConversationID})
	}
}

// syncRequest takes in a request that is pending on another device. It comes
// without its payload, so its date alone tells whether it is decided here.
func (l *List) syncRequest(now time.Time, r Request) {
	c := l.contacts[r.From]
	if !l.valid(r.From) || c.Active() || c.Banned || l.pending.byPeer[r.From] != nil || !validConversation(r.ConversationID) {
		return
	}
	r.Invited = dated(now, r.Invited)
	r.Received = dated(now, r.Received)
	if l.decided.known(r.From, r.Digest, r.Invited) || l.decided.reachedSince(r.From, r.date()) {
		return
	}
	r.Payload = nil
	l.admit(&r)
}
