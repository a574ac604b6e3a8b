package account

import (
	"fmt"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/presence"
)

// AddContact makes peer a contact; see [contact.List.Add]. As all methods that
// change something, it returns when the change is stored and told.
func (a *Account) AddContact(peer infohash.Hash) (changed bool, err error) {
	err = a.do(func(now time.Time) (err error) {
		changed, err = a.list.Add(now, peer)
		return err
	})
	return changed, err
}

// RemoveContact removes or bans peer; see [contact.List.Remove].
func (a *Account) RemoveContact(peer infohash.Hash, ban bool) (changed bool, err error) {
	err = a.do(func(now time.Time) (err error) {
		changed, err = a.list.Remove(now, peer, ban)
		return err
	})
	return changed, err
}

// SendRequest asks peer to be a contact; see [contact.List.Send]. The payload is
// not copied.
func (a *Account) SendRequest(peer infohash.Hash, payload []byte) error {
	return a.do(func(now time.Time) error { return a.list.Send(now, peer, payload) })
}

// CancelRequest stops our request to peer; see [contact.List.Cancel].
func (a *Account) CancelRequest(peer infohash.Hash) (found bool, err error) {
	err = a.do(func(time.Time) error {
		found = a.list.Cancel(peer)
		return nil
	})
	return found, err
}

// AcceptRequest accepts the request of an account; see [contact.List.Accept].
func (a *Account) AcceptRequest(from infohash.Hash) (changed bool, err error) {
	err = a.do(func(now time.Time) (err error) {
		changed, err = a.list.Accept(now, from)
		return err
	})
	return changed, err
}

// DiscardRequest drops the request of an account and reports whether there was
// one; see [contact.List.Discard].
func (a *Account) DiscardRequest(from infohash.Hash) (found bool, err error) {
	err = a.do(func(now time.Time) error {
		found = a.list.Discard(now, from)
		return nil
	})
	return found, err
}

// SeeRequests notes that the user has looked at requests; see [contact.List.See].
func (a *Account) SeeRequests(from ...infohash.Hash) error {
	return a.do(func(time.Time) error {
		a.list.See(from...)
		return nil
	})
}

// SetPolicy changes which requests ask for attention; see [contact.List.SetPolicy].
func (a *Account) SetPolicy(p contact.Policy) error {
	return a.do(func(time.Time) error { return a.list.SetPolicy(p) })
}

// Merge takes in contacts from an archive of the account; see [contact.List.Sync].
func (a *Account) Merge(entries []contact.Entry) error {
	return a.do(func(now time.Time) error {
		if refused := a.list.Sync(now, infohash.Hash{}, entries, nil); refused > 0 {
			a.log.Warn("contacts left out", "count", refused)
		}
		return nil
	})
}

// Subscribe counts one more subscription to the presence of peer; see
// [presence.Tracker.Subscribe].
func (a *Account) Subscribe(peer infohash.Hash) (err error) {
	a.input(func(now time.Time) { err = a.tracker.Subscribe(now, peer) })
	return err
}

// Unsubscribe takes one back, or all.
func (a *Account) Unsubscribe(peer infohash.Hash, all bool) {
	a.input(func(now time.Time) { a.tracker.Unsubscribe(now, peer, all) })
}

// Read gives f the contact list and the tracker, to read and not to keep.
func (a *Account) Read(f func(*contact.List, *presence.Tracker)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a.list, a.tracker)
}

// Contacts returns the records of all contacts, tombstones included.
func (a *Account) Contacts() []contact.Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.list.Contacts()
}

// Devices returns the other known devices of the account with their names.
func (a *Account) Devices() map[value.LongID]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	devices := make(map[value.LongID]string, len(a.devices))
	for id, name := range a.devices {
		devices[id] = name
	}
	return devices
}

// Archive returns the account's archive as it is to be saved elsewhere: what
// the file holds, with the present contacts and the given settings, under the
// secret it has.
func (a *Account) Archive(s identity.Secret, settings map[string]string) ([]byte, error) {
	archive, err := a.cfg.Keys.openArchive(s)
	if err != nil {
		return nil, err
	}
	archive.Settings = settings
	archive.Contacts = make(map[infohash.Hash]identity.ArchivedContact)
	for _, e := range a.Contacts() {
		archive.Contacts[e.Peer] = archived(e.Record)
	}
	b, err := archive.Seal(random)
	if err != nil {
		return nil, fmt.Errorf("account: archive: %w", err)
	}
	return b, nil
}
