package dbus

import (
	"context"
	"errors"
	"strconv"
	"time"

	"rollcall/daemon"
	"rollcall/dht/infohash"
)

func (f *face) contacts() []handler {
	return []handler{
		{"addContact", f.addContact},
		{"removeContact", f.removeContact},
		{"getContacts", f.getContacts},
		{"getContactDetails", f.getContactDetails},
		{"removeConversation", f.removeConversation},
	}
}

var errURI = errors.New("dbus: want an account URI of 40 hexadecimal digits")

// parsePeer reads the URI of a contact: 40 hexadecimal digits in any case, or 64
// of which the first 40 count. No prefix is allowed (dbus spec 6).
func parsePeer(uri string) (infohash.Hash, error) {
	const short, long = 40, 64
	if len(uri) == long {
		for _, c := range []byte(uri[short:]) {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return infohash.Hash{}, errURI
			}
		}
		uri = uri[:short]
	}
	peer, err := infohash.Parse(uri)
	if err != nil || peer.IsZero() {
		return infohash.Hash{}, errURI
	}
	return peer, nil
}

func (f *face) addContact(ctx context.Context, id daemon.AccountID, uri string) {
	peer, err := parsePeer(uri)
	if err == nil {
		_, err = f.daemon.AddContact(ctx, id, peer)
	}
	f.ok("addContact", err)
}

func (f *face) removeContact(ctx context.Context, id daemon.AccountID, uri string, ban bool) {
	peer, err := parsePeer(uri)
	if err == nil {
		_, err = f.daemon.RemoveContact(ctx, id, peer, ban)
	}
	f.ok("removeContact", err)
}

// shownContacts is a state of an account's contacts, as it is sent.
type shownContacts struct {
	version daemon.ContactsVersion
	list    encodedDicts
}

// getContacts keeps what it has encoded: clients ask for the whole list after
// every change.
func (f *face) getContacts(id daemon.AccountID) encodedDicts {
	version := known(f.daemon.ContactsVersion(id))
	f.mu.Lock()
	shown, ok := f.shown[id]
	f.mu.Unlock()
	if ok && shown.version == version {
		return shown.list
	}
	// It may be newer than its version, and is then encoded once more than need be.
	list := encodeDicts(contactList(known(f.daemon.Contacts(id))))
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.shown) >= maxShown {
		clear(f.shown)
	}
	f.shown[id] = shownContacts{version, list}
	return list
}

func contactList(contacts []daemon.Contact) []dict {
	list := make([]dict, 0, len(contacts))
	entries := make([]entry, 0, len(contacts)*contactKeys)
	for _, c := range contacts {
		start := len(entries)
		entries = appendContact(entries, c)
		list = append(list, entries[start:])
	}
	return list
}

func (f *face) getContactDetails(id daemon.AccountID, uri string) dict {
	peer, err := parsePeer(uri)
	if err != nil {
		return nil
	}
	c, err := f.daemon.Contact(id, peer)
	if err != nil || !c.Active && !c.Banned {
		return nil
	}
	return appendContact(nil, c)
}

// contactKeys is how many keys a contact has.
const contactKeys = 4

// appendContact appends the keys of a contact that is active or banned (dbus spec 3.3).
func appendContact(d dict, c daemon.Contact) dict {
	d = append(d, entry{"id", c.Peer.String()}, entry{"added", seconds(c.Added)}, entry{"conversationId", c.ConversationID})
	if c.Active {
		return append(d, entry{"confirmed", strconv.FormatBool(c.Confirmed)})
	}
	return append(d, entry{"banned", "true"})
}

// seconds returns a time as clients want it, 0 if there is none.
func seconds(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// removeConversation removes the contact that a conversation stands for.
func (f *face) removeConversation(ctx context.Context, id daemon.AccountID, conversation string) bool {
	if conversation == "" {
		return false
	}
	for _, c := range known(f.daemon.Contacts(id)) {
		if c.Active && c.ConversationID == conversation {
			_, err := f.daemon.RemoveContact(ctx, id, c.Peer, false)
			return f.ok("removeConversation", err)
		}
	}
	return false
}
