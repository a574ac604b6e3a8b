package dbus

import (
	"testing"
	"time"

	"rollcall/daemon"
	"rollcall/dht/infohash"
)

// BenchmarkContactList is a call that returns 1,000 contacts.
func BenchmarkContactList(b *testing.B) {
	entries := make([]daemon.Contact, 1000)
	for i := range entries {
		entries[i] = daemon.Contact{Peer: infohash.SumString(string(rune(i))), Added: time.Unix(1700000000, 0), Active: true, Confirmed: true}
	}
	_, client := serving(b, []string{"method list(s account) -> aa{ss} contacts"},
		handler{"list", func(string) []dict { return contactList(entries) }})
	for b.Loop() {
		if err := call(client, root+"/Test", "cx.ring.Ring.Test.list", "").Err; err != nil {
			b.Fatal(err)
		}
	}
}
