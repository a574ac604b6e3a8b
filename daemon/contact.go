package daemon

import (
	"context"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/presence"
)

// Contact is an entry of a contact list.
type Contact struct {
	Peer           infohash.Hash
	Added, Removed time.Time // zero: never
	Active         bool
	Confirmed      bool
	Banned         bool
	ConversationID string
	Asked          *contact.State // how far our request has come, nil without one under way
}

// Contacts returns the active and the banned contacts, in ascending order of
// their account ids.
func (d *Daemon) Contacts(id AccountID) ([]Contact, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return nil, err
	}
	var contacts []Contact
	a.Read(func(l *contact.List, _ *presence.Tracker) {
		entries := l.Contacts()
		contacts = make([]Contact, 0, len(entries))
		for _, e := range entries {
			if e.Record.Listed() {
				contacts = append(contacts, newContact(l, e.Peer, e.Record))
			}
		}
	})
	return contacts, nil
}

// ContactsVersion is a state of an account's contacts: while it is the same,
// [Daemon.Contacts] returns the same but for what was asked of them.
type ContactsVersion struct {
	list    *contact.List
	changes uint64
}

// ContactsVersion returns the present one.
func (d *Daemon) ContactsVersion(id AccountID) (v ContactsVersion, err error) {
	_, a, err := d.ready(id)
	if err != nil {
		return v, err
	}
	a.Read(func(l *contact.List, _ *presence.Tracker) { v = ContactsVersion{l, l.Version()} })
	return v, nil
}

func newContact(l *contact.List, peer infohash.Hash, r contact.Record) Contact {
	c := Contact{
		Peer: peer, Added: moment(r.Added), Removed: moment(r.Removed), Active: r.Active(),
		Confirmed: r.Active() && r.Confirmed, Banned: !r.Active() && r.Banned, ConversationID: r.ConversationID,
	}
	if state, ok := l.Sent(peer); ok {
		c.Asked = &state
	}
	return c
}

// moment reads a time in Unix milliseconds, of which 0 is never.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Contact returns the record of one account, also of one that was removed. The
// error is [ErrNoContact] when there never was one.
func (d *Daemon) Contact(id AccountID, peer infohash.Hash) (Contact, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return Contact{}, err
	}
	var c Contact
	err = ErrNoContact
	a.Read(func(l *contact.List, _ *presence.Tracker) {
		if found, ok := l.Contact(peer); ok {
			c, err = newContact(l, peer, found.Record), nil
		}
	})
	return c, err
}

// AddContact makes peer a contact and lifts a ban; it sends nothing. changed is
// false when it is one already. A pending request of the peer is accepted.
func (d *Daemon) AddContact(ctx context.Context, id AccountID, peer infohash.Hash) (changed bool, err error) {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return false, err
	}
	changed, err = a.AddContact(peer)
	return changed, translate(err)
}

// RemoveContact removes a contact or bans it; anybody can be banned. A pending
// request of the peer is closed.
func (d *Daemon) RemoveContact(ctx context.Context, id AccountID, peer infohash.Hash, ban bool) (changed bool, err error) {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return false, err
	}
	changed, err = a.RemoveContact(peer, ban)
	return changed, translate(err)
}
