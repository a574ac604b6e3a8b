package account

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/presence"
	"rollcall/talk"
)

func says(p *person, note string) func(presence.StatusChanged) bool {
	return func(e presence.StatusChanged) bool {
		return e.Account == p.ID() && e.Status == presence.Connected && e.Cause == presence.CauseNote && e.Note == note
	}
}

// TestTalk lets two accounts that are contacts tell each other notes and texts.
func TestTalk(t *testing.T) {
	t.Parallel()
	alice, bob := newCouple(t)
	if err := alice.SetNote(talk.Note{Text: "Lunch Time"}); err != nil {
		t.Fatal(err)
	}
	if err := alice.SetNote(talk.Note{Text: strings.Repeat("x", talk.MaxNote+1)}); !errors.Is(err, talk.ErrNote) {
		t.Errorf("a long note: %v", err)
	}
	await(t, bob, 0, says(alice, "Lunch Time"))

	mark := bob.Mark()
	id, err := alice.SendText(bob.ID(), "text/plain", "hello")
	if err != nil {
		t.Fatal(err)
	}
	text := await(t, bob, mark, func(talk.TextReceived) bool { return true })
	if text.Account != alice.ID() || text.ID != id || text.Content != "hello" || text.Type != "text/plain" {
		t.Errorf("text %+v, want that with the id %d", text, id)
	}
	await(t, alice, 0, func(e talk.TextChanged) bool { return e.ID == id && e.Status == talk.Sent })

	if err := alice.SetNote(talk.Note{Text: "back at two", Until: time.Now().Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	await(t, bob, mark, says(alice, "back at two"))
	await(t, bob, mark, says(alice, ""))
	await(t, alice, 0, func(talk.NoteExpired) bool { return true })
	bob.Read(func(_ *contact.List, tracker *presence.Tracker) {
		view, _ := tracker.View(alice.ID())
		if view.Note.Text != "" || view.Note.At.IsZero() {
			t.Errorf("note %+v after its end", view.Note)
		}
	})
	if err := bob.SetNote(talk.Note{Text: "for later"}); err != nil {
		t.Fatal(err)
	}
	await(t, alice, 0, says(bob, "for later"))

	// A note is for whoever comes back, too, and only once at a time.
	mark = alice.Mark()
	alice.Stop()
	alice.Start(alice.node)
	await(t, alice, mark, says(bob, "for later"))
	if _, err := bob.SendText(alice.ID(), "text/plain", "what follows the note"); err != nil {
		t.Fatal(err)
	}
	await(t, alice, mark, func(talk.TextReceived) bool { return true })
	heard := 0
	for _, e := range alice.Since(mark) {
		if e, ok := e.(presence.StatusChanged); ok && e.Cause == presence.CauseNote {
			heard++
		}
	}
	if heard != 1 {
		t.Errorf("the note was told %d times, want once", heard)
	}
}

// TestTextForNobody is refused at once.
func TestTextForNobody(t *testing.T) {
	t.Parallel()
	p := newPerson(t, nil)
	if _, err := p.SendText(infohash.SumString("nobody"), "text/plain", "hello"); err != ErrAway {
		t.Errorf("got %v, want %v", err, ErrAway)
	}
}
