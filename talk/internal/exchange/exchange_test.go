package exchange

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rollcall/channel/message"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/pidf"
)

func TestTwoExchanges(t *testing.T) {
	w := newWorld()
	a, b := w.party("a", true), w.party("b", true)
	a.x.SetNote(w.now, Note{Text: "Lunch Time"})
	c := w.connect(a, b)
	w.run(time.Second)
	// The one with the lower id opens, and there is one channel of each kind.
	w.expect(t, "a asks for records", "a asks for sip", `b sees the note "Lunch Time"`)

	id, err := b.x.Send(w.now, a.account, "text/plain", "hello")
	b.settle(w)
	w.run(time.Second)
	w.expect(t, "b has a text that is sending", "b has a text that is sent", `a gets "hello"`)
	if id == 0 || id > 1<<53 || err != nil {
		t.Errorf("id %d, %v", id, err)
	}

	b.x.SetNote(w.now, Note{Text: "Lunch & <Dinner>!"})
	b.settle(w)
	a.x.SetNote(w.now, Note{})
	a.settle(w)
	w.run(time.Second)
	w.expect(t, `a sees the note "Lunch & <Dinner>!"`, `b sees the note ""`)

	// Whoever comes back has it told again; an empty one is not.
	w.cut(c)
	w.connect(b, a)
	w.run(time.Second)
	w.expect(t, "a asks for records", "a asks for sip", `a sees the note "Lunch & <Dinner>!"`)
}

func TestNoteExpires(t *testing.T) {
	w := newWorld()
	a, b := w.party("a", true), w.party("b", true)
	a.x.SetNote(w.now, Note{Text: "away", Until: w.now.Add(time.Hour)})
	w.connect(a, b)
	w.run(59 * time.Minute)
	w.expect(t, "a asks for records", "a asks for sip", `b sees the note "away"`)
	w.run(2 * time.Minute)
	w.expect(t, "a has no note any more", `b sees the note ""`)
	if note := a.x.Note(); note != (Note{}) {
		t.Errorf("note %+v after its end", note)
	}
	a.x.SetNote(w.now, Note{Until: w.now.Add(time.Hour)})
	if next := a.x.NextDeadline(); !next.IsZero() {
		t.Errorf("an empty note ends at %v", next)
	}
}

func TestNoteIsForContacts(t *testing.T) {
	w := newWorld()
	a, b := w.party("a", false), w.party("b", true)
	a.x.SetNote(w.now, Note{Text: "secret"})
	b.x.SetNote(w.now, Note{Text: "hi"})
	w.connect(a, b)
	w.run(time.Second)
	w.expect(t, "b asks for records", "b asks for sip", `a sees the note "hi"`)
}

// TestDaemon2026 meets one that opens a channel at once and writes each note as
// often as there are channels.
func TestDaemon2026(t *testing.T) {
	w := newWorld()
	a := w.party("a", true)
	a.x.SetNote(w.now, Note{Text: "Lunch"})
	d := &daemon{records: true, sip: true, opens: true, note: "Busy", copies: 2}
	w.connect(d, a)
	w.run(time.Second)
	w.expect(t, "daemon has a channel for records", "daemon got a record application/pidf+xml Lunch",
		`a sees the note "Busy"`, "a asks for sip", "daemon has a channel for sip", "daemon is answered 200", "daemon is answered 200")
	if got := a.x.Counters().Repeated; got != 3 { // one as a record, two by SIP
		t.Errorf("%d repeated, want 3", got)
	}
}

// TestDaemon2023 meets one that takes SIP only and shows notes as messages.
func TestDaemon2023(t *testing.T) {
	w := newWorld()
	a := w.party("a", true)
	a.x.SetNote(w.now, Note{Text: "Lunch"})
	d := &daemon{sip: true}
	w.connect(d, a)
	w.run(time.Second)
	w.expect(t, "a asks for records", "a asks for sip", "daemon has a channel for sip")

	a.x.SetBySIP(w.now, true)
	a.settle(w)
	_, err := a.x.Send(w.now, a.x.devices[0].account, "text/plain", "hello")
	a.settle(w)
	w.run(time.Second)
	w.expect(t, "a has a text that is sending", "daemon got a MESSAGE application/pidf+xml Lunch",
		"daemon got a MESSAGE text/plain hello", "a has a text that is sent")
	if err != nil {
		t.Error(err)
	}
	if _, err := a.x.Send(w.now, a.x.devices[0].account, "text/plain", strings.Repeat("x", maxBySIP+1)); !errors.Is(err, ErrText) {
		t.Errorf("a text that does not fit: %v", err)
	}
	_, err = a.x.Send(w.now, a.x.devices[0].account, strings.Repeat("x/", maxType/2), strings.Repeat("x", maxBySIP))
	if err != nil || len(a.x.channels) != 1 || len(a.x.devices[0].open(SIP).unanswered) != 1 {
		t.Errorf("the longest text is not sent: %v", err)
	}
	a.settle(w)
	w.run(time.Second)
	w.took()
	for ch := range d.channels {
		d.say(w, ch, 5, "text/plain; charset=UTF-8", "hello\x00\xff")
		d.say(w, ch, 5, "text/plain", "once more")
		d.say(w, ch, 6, "application/im-gitmessage-id", "{}")
	}
	w.run(time.Second)
	w.expect(t, "a gets \"hello\uFFFD\uFFFD\"", "daemon is answered 200", "daemon is answered 200", "daemon is answered 200")
}

// TestDaemon2024 meets one that sends its notes by SIP, and so wants ours.
func TestDaemon2024(t *testing.T) {
	w := newWorld()
	a := w.party("a", true)
	a.x.SetNote(w.now, Note{Text: "Lunch"})
	w.connect(&daemon{sip: true, note: "Busy", copies: 1}, a)
	w.run(time.Second)
	w.expect(t, "a asks for records", "a asks for sip", "daemon has a channel for sip", `a sees the note "Busy"`,
		"daemon is answered 200", "daemon got a MESSAGE application/pidf+xml Lunch")
}

// TestUnanswered covers a daemon that is gone without a word.
func TestUnanswered(t *testing.T) {
	w := newWorld()
	a := w.party("a", true)
	d := &daemon{sip: true, silent: true}
	w.connect(d, a)
	w.run(time.Second)
	w.took()
	if _, err := a.x.Send(w.now, a.x.devices[0].account, "text/plain", "hello"); err != nil {
		t.Fatal(err)
	}
	a.settle(w)
	w.run(answerLimit - time.Second)
	w.expect(t, "a has a text that is sending", "daemon got a MESSAGE text/plain hello")
	w.run(2 * time.Second)
	w.expect(t, "a closes a channel: "+ErrUnanswered.Error(), "daemon lost a channel for sip")
	d.silent = false
	w.run(reopenAfter)
	w.expect(t, "a asks for sip", "daemon has a channel for sip", "daemon got a MESSAGE text/plain hello", "a has a text that is sent")
}

func TestTextForNobody(t *testing.T) {
	w := newWorld()
	a, b := w.party("a", true), w.party("b", true)
	send := func() {
		t.Helper()
		if _, err := a.x.Send(w.now, b.account, "text/plain", "hello"); err != nil {
			t.Fatal(err)
		}
		a.settle(w)
	}
	send()
	w.run(textLimit + time.Second)
	w.expect(t, "a has a text that is sending", "a looks for somebody", "a has a text that is failed")
	send()
	w.run(textLimit / 2)
	c := w.connect(a, b)
	w.run(time.Second)
	w.cut(c)
	w.connect(a, b)
	w.run(textLimit)
	w.expect(t, "a has a text that is sending", "a looks for somebody", "a asks for records", "a asks for sip",
		"a has a text that is sent", `b gets "hello"`, "a asks for records", "a asks for sip")
}

func TestSendRefuses(t *testing.T) {
	w := newWorld()
	a := w.party("a", true)
	for _, tt := range []struct {
		media, content string
		err            error
	}{
		{"text/plain\r\nVia: x", "a", ErrText},
		{"text", "a", ErrText},
		{"text/é", "a", ErrText},
		{"text/" + strings.Repeat("x", maxType), "a", ErrText},
		{"text/plain", "", ErrText},
		{"text/plain", strings.Repeat("x", maxText+1), ErrText},
		{"text/html; charset=utf-8", "a", nil},
	} {
		if _, err := a.x.Send(w.now, a.account, tt.media, tt.content); !errors.Is(err, tt.err) {
			t.Errorf("%.20q: %v", tt.media, err)
		}
	}
	for range maxTexts - 1 {
		if _, err := a.x.Send(w.now, a.account, "text/plain", "a"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.x.Send(w.now, a.account, "text/plain", "a"); err != ErrTooMany {
		t.Errorf("one too many: %v", err)
	}
	w.run(textLimit + time.Second)
	if _, err := a.x.Send(w.now, a.account, "text/plain", strings.Repeat("a", maxText)); err != nil || a.x.pending != maxText {
		t.Errorf("after their time: %v, %d bytes pending", err, a.x.pending)
	}
}

// TestNewConnection covers a device that comes by another way, and the end of
// the first.
func TestNewConnection(t *testing.T) {
	w := newWorld()
	a, b := w.party("a", true), w.party("b", true)
	a.x.SetNote(w.now, Note{Text: "Lunch"})
	first := w.connect(a, b)
	w.run(time.Second)
	w.took()
	second := w.connect(b, a)
	w.run(time.Second)
	w.expect(t) // it has all it needs
	w.cut(first)
	w.run(time.Second)
	// Whether the note has arrived is not known: it goes again, under the same id.
	w.expect(t, "a asks for records", "a asks for sip", "b asks for records", "b asks for sip")
	if got := b.x.Counters().Repeated; got != 1 {
		t.Errorf("%d repeated, want 1", got)
	}
	w.cut(second)
	if len(a.x.devices)+len(b.x.devices) > 0 {
		t.Error("devices are known without connections")
	}
}

func TestBadInput(t *testing.T) {
	w := newWorld()
	a := w.party("a", true)
	d := &daemon{records: true, sip: true}
	c := w.connect(d, a)
	w.run(time.Second)
	w.took()
	for ch := range d.channels {
		w.write(d, ch, []byte{0xc1})
		w.write(d, ch, []byte(" is nothing\r\n\r\n"))
		w.write(d, ch, []byte("to a channel that is closed"))
	}
	w.run(time.Second)
	if got := a.x.Counters().Malformed; got != 2 {
		t.Errorf("%d malformed, want 2: %q", got, w.log)
	}
	w.run(reopenAfter + time.Second)
	if len(d.channels) != 2 {
		t.Errorf("%d channels afterwards, want 2: %q", len(d.channels), w.log)
	}
	w.took()
	for range maxChannels {
		w.ask(d, c, Records, func() {})
	}
	w.run(time.Second)
	if closes := strings.Count(strings.Join(w.log, "\n"), "one channel too many"); closes != 2 {
		t.Errorf("%d channels closed, want 2", closes)
	}
}

func TestFlood(t *testing.T) {
	w := newWorld()
	a := w.party("a", true)
	d := &daemon{records: true}
	w.connect(d, a)
	w.run(time.Second)
	w.took()
	var flood []byte
	for i := range 2 * maxSeen {
		flood = message.Record{ID: uint64(i + 1), Type: plainText, Content: "buy"}.Append(flood)
	}
	for ch := range d.channels {
		w.write(d, ch, flood)
		d.say(w, ch, 1, pidf.MIMEType, "no document")
	}
	w.run(time.Second)
	if got := len(w.took()); got != receiveBurst {
		t.Errorf("%d told at once, want %d", got, receiveBurst)
	}
	if got := len(a.x.seen.known); got != receiveBurst {
		t.Errorf("%d ids are known, want those that were told", got)
	}
}

func TestSeen(t *testing.T) {
	var s seen
	for i := range 2*maxSeen + 1 {
		s.add(messageKey{id: uint64(i)})
	}
	if len(s.known) != maxSeen || len(s.order) != maxSeen || !s.known[messageKey{id: 2 * maxSeen}] || s.known[messageKey{id: maxSeen}] {
		t.Errorf("%d and %d ids are known, want the last %d", len(s.known), len(s.order), maxSeen)
	}
}

// TestFloodByDevices: all devices of an account together tell no more than one.
func TestFloodByDevices(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	x := New(Config{Contact: func(infohash.Hash) bool { return false }}, rand.New(rand.NewPCG(1, 2)))
	id := uint64(0)
	say := func(n int, channel ChannelID) {
		for range n {
			id++
			x.Received(at, channel, message.Record{ID: id, Type: plainText, Content: "buy"}.Append(nil))
		}
	}
	for i, account := range []string{"flood", "flood", "friend"} {
		x.Connected(at, ConnID(i), infohash.SumString(account), value.LongID{byte(i)}, netip.AddrPort{}, netip.AddrPort{})
		x.Opened(at, ConnID(i), ChannelID(i), Records)
	}
	say(receiveBurst, 0)
	say(receiveBurst, 1)
	say(1, 2)
	if told := len(x.Effects(nil)); told != receiveBurst+1 || x.Counters().Excess != receiveBurst {
		t.Errorf("%d are told, %+v", told, x.Counters())
	}
	at = at.Add(time.Second)
	say(receiveBurst, 1)
	if told := len(x.Effects(nil)); told != receiveRate {
		t.Errorf("%d are told a second later", told)
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct{ s, want string }{{"abc", "abc"}, {"abcd", "abc"}, {"abéd", "ab"}, {"\x80\x80\x80\x80", ""}} {
		if got := cut(tt.s, 3); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.s, got, tt.want)
		}
	}
}

func TestStatusOfTheLatestTexts(t *testing.T) {
	x := New(Config{Contact: func(infohash.Hash) bool { return false }}, rand.New(rand.NewPCG(1, 2)))
	now := time.Unix(1_800_000_000, 0)
	var ids []uint64
	for range maxStatuses + 1 {
		id, err := x.Send(now, infohash.SumString("bob"), "text/plain", "hello")
		if err != nil {
			t.Fatal(err)
		}
		if status := x.Status(id); status != Sending {
			t.Fatalf("%v, want %v", status, Sending)
		}
		ids = append(ids, id)
		now = now.Add(textLimit)
		x.Tick(now)
	}
	if status := x.Status(ids[0]); status != 0 {
		t.Errorf("the oldest is still %v", status)
	}
	if status := x.Status(ids[1]); status != Failed {
		t.Errorf("%v, want %v", status, Failed)
	}
	if len(x.statuses) != maxStatuses || len(x.latest) != maxStatuses {
		t.Errorf("%d statuses of %d texts", len(x.statuses), len(x.latest))
	}
}
