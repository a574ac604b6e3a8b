package dbus

import (
	"testing"
	"time"

	"rollcall/daemon"
	"rollcall/dht/infohash"
)

// BenchmarkContactList is a call that returns 1,000 contacts that have changed, and
// that have not.
func BenchmarkContactList(b *testing.B) {
	entries := make([]daemon.Contact, 1000)
	for i := range entries {
		entries[i] = daemon.Contact{Peer: infohash.SumString(string(rune(i))), Added: time.Unix(1700000000, 0), Active: true, Confirmed: true}
	}
	encoded := encodeDicts(contactList(entries))
	for name, list := range map[string]func(string) encodedDicts{
		"changed":   func(string) encodedDicts { return encodeDicts(contactList(entries)) },
		"unchanged": func(string) encodedDicts { return encoded },
	} {
		b.Run(name, func(b *testing.B) {
			_, client := serving(b, []string{"method list(s account) -> aa{ss} contacts"}, handler{"list", list})
			for b.Loop() {
				if err := call(client, root+"/Test", "cx.ring.Ring.Test.list", "").Err; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
