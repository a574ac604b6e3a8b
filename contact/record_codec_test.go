package contact

import (
	"os"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parsed(t testing.TB, s string) infohash.Hash {
	t.Helper()
	h, err := infohash.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The files were written by a daemon of the older generation.
func TestParseContactsOfAnotherDaemon(t *testing.T) {
	tests := []struct {
		file string
		want []Entry
	}{
		{"contacts.msgpack", []Entry{
			{parsed(t, "ce0cdd8a2a96f501b2bc26c245af58360be843f1"), Record{
				Added: 1795207392000, ConversationID: "d678110e000dd7ab1648c13b61e2861f3c87756c",
			}},
			{parsed(t, "e74f376b45f09540dae4f546520f45772a342e9f"), Record{
				Added: 1795207461000, ConversationID: "2fa6b66a0e7ef7c8c36b3a0a3b931275e781ca18",
			}},
		}},
		{"contacts-banned.msgpack", []Entry{
			{parsed(t, "2409b34d7243ac7f0cdad222f8cb631dd9942713"), Record{
				Added: 1795207105000, Confirmed: true, ConversationID: "18b2ae7c04bed60b174c9eff7f494b55ad2e0251",
			}},
			{parsed(t, "ce0cdd8a2a96f501b2bc26c245af58360be843f1"), Record{
				Added: 1795207147000, Removed: 1795207189000, Banned: true, ConversationID: "c09a75f7ca8b62618f88468970d89cda390f8907",
			}},
		}},
	}
	for _, tt := range tests {
		got, bad, err := ParseContacts(readFile(t, tt.file))
		if err != nil || len(bad) > 0 {
			t.Errorf("%s: bad records %v, error %v", tt.file, bad, err)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.file, got, tt.want)
		}
	}
}

func TestParseRequestsOfAnotherDaemon(t *testing.T) {
	tests := []struct {
		file, from, conversation string
		received                 int64
	}{
		{"incomingTrustRequests-conv.msgpack", "ce0cdd8a2a96f501b2bc26c245af58360be843f1", "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", 1795207238000},
		{"incomingTrustRequests-noconv.msgpack", "2409b34d7243ac7f0cdad222f8cb631dd9942713", "", 1795207027000},
	}
	for _, tt := range tests {
		got, bad, err := ParseRequests(readFile(t, tt.file))
		if err != nil || len(bad) > 0 || len(got) != 1 {
			t.Fatalf("%s: %d requests, bad records %v, error %v", tt.file, len(got), bad, err)
		}
		r := got[0]
		if r.From.String() != tt.from || r.ConversationID != tt.conversation || r.Received != tt.received ||
			string(r.Payload) != "BEGIN:VCARD" || len(r.DeviceKey) != 550 || r.Device != infohash.Sum(r.DeviceKey) {
			t.Errorf("%s: got %+v", tt.file, r)
		}
	}
}

// A daemon that writes with the first five keys in this order reads them in any,
// but the bytes before the two new keys can be compared with its own.
func TestAppendContactsLikeAnotherDaemon(t *testing.T) {
	file := readFile(t, "contacts-banned.msgpack")
	entries, _, err := ParseContacts(file)
	if err != nil {
		t.Fatal(err)
	}
	var rebuilt []byte
	rebuilt = msgpack.AppendMap(rebuilt, len(entries))
	for _, e := range entries {
		tail := msgpack.AppendString(nil, keyAddedMs)
		tail = msgpack.AppendInt(tail, e.Record.Added)
		tail = msgpack.AppendString(tail, keyRemovedMs)
		tail = msgpack.AppendInt(tail, e.Record.Removed)
		record := e.Record.append(nil)
		rebuilt = msgpack.AppendBin(rebuilt, e.Peer[:])
		rebuilt = msgpack.AppendMap(rebuilt, 5)
		rebuilt = append(rebuilt, record[1:len(record)-len(tail)]...)
	}
	if string(rebuilt) != string(file) {
		t.Errorf("got  %x\nwant %x", rebuilt, file)
	}
}

func TestParseContactsKeepsTheGoodOnes(t *testing.T) {
	good := Record{Added: 1_000_000}
	b := msgpack.AppendMap(nil, 4)
	alice, bob := named("alice"), named("bob")
	b = msgpack.AppendBin(b, alice[:])
	b = good.append(b)
	b = msgpack.AppendBin(b, []byte("no account"))
	b = good.append(b)
	b = msgpack.AppendBin(b, bob[:])
	b = msgpack.AppendMap(b, 1)
	b = msgpack.AppendString(b, keyAdded)
	b = msgpack.AppendString(b, "yesterday")
	carol := named("carol")
	b = msgpack.AppendBin(b, carol[:])
	b = msgpack.AppendMap(b, 2)
	b = msgpack.AppendString(b, "unknown")
	b = msgpack.AppendArray(b, 0)
	b = msgpack.AppendString(b, keyAddedMs)
	b = msgpack.AppendInt(b, 7)
	entries, bad, err := ParseContacts(b)
	want := []Entry{{alice, good}, {carol, Record{Added: 7}}}
	if err != nil || !reflect.DeepEqual(entries, want) || len(bad) != 2 {
		t.Errorf("got %v, %d bad, error %v", entries, len(bad), err)
	}
	entries, _, err = ParseContacts(b[:len(b)-3])
	if err == nil || len(entries) != 1 {
		t.Errorf("cut short: got %v, error %v", entries, err)
	}
}

func anyRecord(rt *rapid.T) Record {
	return Record{
		Added:          rapid.Int64Range(0, 4000).Draw(rt, "added"),
		Removed:        rapid.Int64Range(0, 4000).Draw(rt, "removed"),
		Confirmed:      rapid.Bool().Draw(rt, "confirmed"),
		Banned:         rapid.Bool().Draw(rt, "banned"),
		ConversationID: rapid.SampledFrom([]string{"", "aa", "bb"}).Draw(rt, "conversation"),
	}.normal()
}

func TestContactsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := []Entry{{named("alice"), anyRecord(rt)}, {named("bob"), anyRecord(rt)}}
		got, bad, err := ParseContacts(AppendContacts(nil, want))
		if err != nil || len(bad) > 0 || !reflect.DeepEqual(got, want) {
			rt.Fatalf("got %+v, bad %v, error %v, want %+v", got, bad, err, want)
		}
	})
}

func FuzzParseContacts(f *testing.F) {
	f.Add(readFile(f, "contacts.msgpack"))
	f.Add(readFile(f, "contacts-banned.msgpack"))
	f.Add(AppendContacts(nil, []Entry{{named("alice"), Record{Added: 1795207392001, Removed: 1795207392002, Banned: true}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, _, err := ParseContacts(b)
		again, bad, err2 := ParseContacts(AppendContacts(nil, entries))
		if err2 != nil || len(bad) > 0 || len(again) != len(entries) {
			t.Fatalf("what was read (error %v) is not read again: %v %v", err, bad, err2)
		}
		for i, e := range entries {
			if e.Record != again[i].Record || e.Record.Active() && e.Record.Banned {
				t.Fatalf("read %+v, then %+v", e.Record, again[i].Record)
			}
		}
	})
}

func FuzzParseRequests(f *testing.F) {
	f.Add(readFile(f, "incomingTrustRequests-conv.msgpack"))
	f.Add(readFile(f, "incomingTrustRequests-noconv.msgpack"))
	f.Fuzz(func(t *testing.T, b []byte) {
		requests, _, err := ParseRequests(b)
		again, bad, err2 := ParseRequests(AppendRequests(nil, requests))
		if err2 != nil || len(bad) > 0 || len(again) != len(requests) {
			t.Fatalf("what was read (error %v) is not read again: %v %v", err, bad, err2)
		}
		for i := range requests {
			if requests[i].Digest != again[i].Digest || len(requests[i].Payload) > MaxPayload {
				t.Fatalf("read %+v, then %+v", requests[i], again[i])
			}
		}
	})
}
