package dbus

import (
	"testing"

	"rollcall/dht/infohash"
)

// BenchmarkContactList is a call that returns 1,000 contacts.
func BenchmarkContactList(b *testing.B) {
	list := make([]map[string]string, 1000)
	for i := range list {
		list[i] = map[string]string{
			"id": infohash.SumString(string(rune(i))).String(), "added": "1700000000", "confirmed": "true", "conversationId": "",
		}
	}
	_, client := serving(b, []string{"method list(s account) -> aa{ss} contacts"},
		handler{"list", func(string) []map[string]string { return list }})
	for b.Loop() {
		if err := call(client, root+"/Test", "cx.ring.Ring.Test.list", "").Err; err != nil {
			b.Fatal(err)
		}
	}
}
