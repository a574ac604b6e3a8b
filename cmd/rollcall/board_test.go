package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/api/http/schema"
	"rollcall/dht/infohash"
)

// peer returns an account id that begins with a letter.
func peer(letter string) infohash.Hash {
	h, err := infohash.Parse(letter + strings.Repeat("0", 39))
	if err != nil {
		panic(err)
	}
	return h
}

func TestBoard(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	b := &board{}
	b.set(
		schema.Account{DisplayName: "Alice\x1b[2J", State: "REGISTERED", Enabled: true, Announced: true, URI: peer("f")},
		[]schema.Contact{{Peer: peer("a"), Active: true, Confirmed: true}, {Peer: peer("b"), Active: true, Asked: "stored"}, {Peer: peer("c"), Banned: true}},
		[]schema.Presence{{Peer: peer("a"), Status: "offline", LastSeen: at(-time.Hour)}, {Peer: peer("d"), Status: "online", Since: at(-time.Minute)}},
		[]schema.Request{{From: peer("e"), Title: "Eve\n", Received: at(-10 * time.Second)}},
	)
	want := func(event schema.Event, lines ...string) {
		t.Helper()
		if !b.apply(event) {
			t.Fatalf("%s wants everything read afresh", event.Type)
		}
		if got := b.lines(at(0), 0, 0)[3:]; !slices.Equal(got, lines) {
			t.Errorf("after %s\n got %s\nwant %s", event.Type, strings.Join(got, "\n     "), strings.Join(lines, "\n     "))
		}
	}
	a, bb, d, e := peer("a").String(), peer("b").String(), peer("d").String(), peer("e").String()
	eve := e + "  asks to be a contact, 10 s ago  Eve�"
	want(schema.Event{Type: schema.LeaseChanged}, eve, "", "1 of 3 are there",
		"○ "+d+"  on the DHT for 1 min", "  "+a+"  last seen 1 h ago", "  "+bb+"  never seen  asked, stored")
	want(schema.Event{Type: schema.PresenceChanged, Peer: peer("b"), Status: "connected", Cause: "note", At: at(-time.Second), Note: "lunch\x07"}, eve, "", "2 of 3 are there",
		"● "+bb+"  connected for 1 s  asked, stored  lunch� (1 s ago)", "○ "+d+"  on the DHT for 1 min", "  "+a+"  last seen 1 h ago")
	want(schema.Event{Type: schema.PresenceChanged, Peer: peer("d"), Status: "offline", At: at(-2 * time.Second)}, eve, "", "1 of 3 are there",
		"● "+bb+"  connected for 1 s  asked, stored  lunch� (1 s ago)", "  "+d+"  last seen 2 s ago", "  "+a+"  last seen 1 h ago")
	want(schema.Event{Type: schema.ContactAdded, Peer: peer("b"), Confirmed: true}, eve, "", "1 of 3 are there",
		"● "+bb+"  connected for 1 s  lunch� (1 s ago)", "  "+d+"  last seen 2 s ago", "  "+a+"  last seen 1 h ago")
	want(schema.Event{Type: schema.ContactRemoved, Peer: peer("d"), Banned: true}, eve, "", "1 of 2 are there",
		"● "+bb+"  connected for 1 s  lunch� (1 s ago)", "  "+a+"  last seen 1 h ago")
	want(schema.Event{Type: schema.RequestClosed, Peer: peer("e")}, "1 of 2 are there",
		"● "+bb+"  connected for 1 s  lunch� (1 s ago)", "  "+a+"  last seen 1 h ago")

	want(schema.Event{Type: schema.PresenceChanged, Peer: peer("b"), Status: "connected", Cause: "note", At: at(0)}, "1 of 2 are there",
		"● "+bb+"  connected for 1 s", "  "+a+"  last seen 1 h ago")

	b.apply(schema.Event{Type: schema.NoteChanged, OwnNote: &schema.Note{Text: "Lunch", Until: at(time.Hour)}})
	if head := b.lines(at(0), 0, 0)[0]; head != "Alice�[2J: on the network, says: Lunch (for 1 h)" {
		t.Errorf("head %q", head)
	}
	b.apply(schema.Event{Type: schema.NoteChanged, OwnNote: &schema.Note{}})
	b.apply(schema.Event{Type: schema.VolatileChanged, Settings: schema.Settings{"Account.deviceAnnounced": "false"}})
	if head := b.lines(at(0), 0, 0)[0]; head != "Alice�[2J: on the network, not announced yet" {
		t.Errorf("head %q", head)
	}
	if b.apply(schema.Event{Type: schema.Start}) || b.apply(schema.Event{Type: schema.AccountsChanged}) || b.apply(schema.Event{Type: "of a later version"}) {
		t.Error("an event that tells too little is taken for one that tells all")
	}
	small := b.lines(at(0), 10, 4)
	if len(small) != 4 || small[3] != "… and 3 mo" {
		t.Errorf("on a small screen: %q", small)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 119 * time.Minute: "1 h", 47 * time.Hour: "47 h", 48 * time.Hour: "2 days",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"Zoë 🎈": "Zoë 🎈", "a\nb\x1b[2J\u202e\xff": "a�b�[2J��", strings.Repeat("x", 65): strings.Repeat("x", 64) + "…",
	} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestQRText decodes the picture into modules again and compares them with the
// finder patterns that every QR code has in three corners.
func TestQRText(t *testing.T) {
	picture, err := qrText("jami:" + peer("a").String())
	if err != nil {
		t.Fatal(err)
	}
	var dark [][]bool
	for _, line := range strings.Split(strings.TrimSuffix(picture, "\n"), "\n") {
		var upper, lower []bool
		for _, r := range line {
			upper = append(upper, r == '▄' || r == ' ')
			lower = append(lower, r == '▀' || r == ' ')
		}
		dark = append(dark, upper, lower)
	}
	finder := []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"}
	size := len(dark[0]) - 2*quiet
	for _, corner := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
		for y, row := range finder {
			for x, module := range row {
				if got := dark[quiet+corner[1]+y][quiet+corner[0]+x]; got != (module == '#') {
					t.Fatalf("module %d,%d of the corner %v is dark: %v\n%s", x, y, corner, got, picture)
				}
			}
		}
	}
	for i, isDark := range dark[0] {
		if isDark {
			t.Fatalf("border is dark at %d", i)
		}
	}
}
