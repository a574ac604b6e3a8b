package contact

import (
	"fmt"
	"testing"
	"time"

	"rollcall/dht/infohash"
)

func BenchmarkMerge(b *testing.B) {
	own := Record{Added: 5001, ConversationID: "aa"}
	in := Record{Added: 5001, Confirmed: true, ConversationID: "bb"}
	b.ReportAllocs()
	for b.Loop() {
		own = merge(own, in)
	}
}

// A list of the size that we promise to load quickly.
const manyContacts = 100_000

func manyEntries() []Entry {
	entries := make([]Entry, manyContacts)
	for i := range entries {
		entries[i] = Entry{infohash.SumString(fmt.Sprint(i)), Record{Added: start.UnixMilli() + 1}}
	}
	return entries
}

func BenchmarkSync(b *testing.B) {
	l := newList(Snapshot{})
	entries := manyEntries()
	now := start.Add(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		l.Sync(now, infohash.Hash{1}, entries, nil)
		clear(l.effects)
		l.effects = l.effects[:0]
	}
}

func BenchmarkParseContacts(b *testing.B) {
	wire := AppendContacts(nil, manyEntries())
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if entries, _, err := ParseContacts(wire); err != nil || len(entries) != manyContacts {
			b.Fatal(len(entries), err)
		}
	}
}

func BenchmarkContacts(b *testing.B) {
	l := newList(Snapshot{})
	l.Sync(start.Add(time.Minute), infohash.Hash{1}, manyEntries(), nil)
	b.ReportAllocs()
	for b.Loop() {
		l.Contacts()
	}
}

func BenchmarkReceive(b *testing.B) {
	l := newList(Snapshot{})
	flood(l, 0, MaxPending)
	var effects []Effect
	b.ReportAllocs()
	for i := MaxPending; b.Loop(); i++ {
		l.Receive(start.Add(time.Duration(i)*time.Second), stranger(i))
		effects = l.Effects(effects[:0])
	}
}
