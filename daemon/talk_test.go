package daemon

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rollcall/pidf"
	"rollcall/presence"
	"rollcall/talk"
)

// TestTalk publishes notes and sends texts between two daemons, one of which is
// started again.
func TestTalk(t *testing.T) {
	t.Parallel()
	bootstrap := startNetwork(t, 2)
	here, there := newMachine(t, bootstrap), newMachine(t, bootstrap)
	a, alice := here.addAccount(t, "Alice")
	b, bob := there.addAccount(t, "Bob")
	if _, err := here.PublishNote(t.Context(), a, Note{Text: "Lunch Time!"}, AdaptNote); err != nil {
		t.Fatal(err)
	}
	if err := here.SendRequest(t.Context(), a, bob, nil); err != nil {
		t.Fatal(err)
	}
	await(t, there, func(_ AccountID, c RequestReceived) bool { return c.Request.From == alice })
	if _, err := there.AcceptRequest(t.Context(), b, alice); err != nil {
		t.Fatal(err)
	}
	says := func(note string) func(AccountID, PresenceChanged) bool {
		return func(_ AccountID, c PresenceChanged) bool {
			return c.Peer == alice && c.Status == presence.Connected && c.Cause == presence.CauseNote && c.Note == note
		}
	}
	await(t, there, says("Lunch Time"))
	id, err := there.SendText(t.Context(), b, alice, "text/plain", "Enjoy!")
	if err != nil {
		t.Fatal(err)
	}
	text := await(t, here, func(AccountID, TextReceived) bool { return true })
	if want := (TextReceived{bob, id, "text/plain", "Enjoy!"}); text != want {
		t.Errorf("text %+v, want %+v", text, want)
	}
	await(t, there, func(_ AccountID, c TextChanged) bool { return c == TextChanged{alice, id, talk.Sent} })

	// A note outlives the daemon, unless its time is over.
	there.forget()
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, there, func(_ AccountID, c PresenceChanged) bool { return c.Peer == alice && c.Status < presence.Connected })
	here.open(t)
	await(t, there, says("Lunch Time"))
	view, err := there.Presence(b, alice)
	if err != nil || view.Note.Text != "Lunch Time" || view.Note.At.IsZero() {
		t.Errorf("view %+v, %v", view, err)
	}
	if conns, err := there.Connections(b); err != nil || len(conns) == 0 || conns[0].Account != alice {
		t.Errorf("connections %+v, %v", conns, err)
	}
}

func TestPublishNote(t *testing.T) {
	t.Parallel()
	m := newMachine(t, startNetwork(t, 1))
	id, uri := m.addAccount(t, "Alice")
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, tt := range []struct {
		note Note
		form NoteForm
		want Note
		err  error
	}{
		{Note{Text: "Lunch Time"}, RefuseNote, Note{Text: "Lunch Time"}, nil},
		{Note{Text: "Lunch Time!"}, RefuseNote, Note{}, pidf.ErrHidden},
		{Note{Text: "Lunch Time!"}, AnyNote, Note{Text: "Lunch Time!"}, nil},
		{Note{Text: "Lunch, again", Until: soon}, AdaptNote, Note{Text: "Lunch again", Until: soon}, nil},
		{Note{Text: "昼食"}, AdaptNote, Note{Text: "昼食"}, nil},
		{Note{Text: strings.Repeat("x", 10_000)}, AnyNote, Note{}, talk.ErrNote},
		{Note{Text: "open"}, AnyNote, Note{}, talk.ErrNote},
		{Note{Until: soon}, RefuseNote, Note{}, nil},
	} {
		got, err := m.PublishNote(t.Context(), id, tt.note, tt.form)
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("%q: %+v, %v", tt.note.Text, got, err)
		}
		if kept, _ := m.Note(id); err == nil && kept != tt.want {
			t.Errorf("%q: %+v is kept", tt.note.Text, kept)
		}
	}
	var invalid *InvalidError
	if _, err := m.PublishNote(t.Context(), id, Note{Text: "late", Until: time.Now()}, AnyNote); !errors.As(err, &invalid) {
		t.Errorf("a note whose time is over: %v", err)
	}
	if _, err := m.PublishNote(t.Context(), id, Note{Text: "till later", Until: soon}, RefuseNote); err != nil {
		t.Fatal(err)
	}
	if err := m.SetNotesBySIP(t.Context(), id, true); err != nil {
		t.Fatal(err)
	}
	await(t, m, func(_ AccountID, c NoteChanged) bool { return c.Note.Text == "till later" })
	if _, err := m.SendText(t.Context(), id, uri, "text/plain", "hello"); err != ErrAway {
		t.Errorf("a text for nobody: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m.open(t)
	kept, err := m.Note(id)
	bySIP, err2 := m.NotesBySIP(id)
	if kept.Text != "till later" || !kept.Until.Equal(soon) || !bySIP || errors.Join(err, err2) != nil {
		t.Errorf("after a restart: %+v, %v, %v, %v", kept, bySIP, err, err2)
	}
	if err := m.ClearNote(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if kept, err := m.Note(id); kept != (Note{}) || err != nil {
		t.Errorf("cleared: %+v, %v", kept, err)
	}
	if _, err := m.PublishNote(t.Context(), "nobody", Note{Text: "x"}, RefuseNote); err != ErrUnknownAccount {
		t.Errorf("a note of nobody: %v", err)
	}
}
