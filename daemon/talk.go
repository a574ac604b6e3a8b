package daemon

import (
	"context"
	"strconv"
	"time"

	"rollcall/dht/infohash"
	"rollcall/pidf"
	"rollcall/talk"
)

// Note is what an account says of itself, and until when; zero is until it says
// something else. An empty one says nothing.
type Note = talk.Note

// NoteForm says what becomes of a note that the programs of other people cannot
// show: they know few characters, see [pidf.Showable].
type NoteForm uint8

// The forms.
const (
	RefuseNote NoteForm = iota // it is refused with pidf.ErrHidden
	AdaptNote                  // what they can show is sent, or all if that is nothing
	AnyNote                    // it is sent as it is, for those who can show all
)

// PublishNote tells the contacts of an account who are connected, and those who
// connect later, a note, also after a restart of the daemon. It returns the note
// as it is sent.
func (d *Daemon) PublishNote(ctx context.Context, id AccountID, n Note, form NoteForm) (Note, error) {
	if n.Text == "" {
		return Note{}, d.setNote(ctx, id, Note{})
	}
	if !n.Until.IsZero() && !n.Until.After(time.Now()) {
		return Note{}, &InvalidError{"until", n.Until.Format(time.RFC3339), "a time to come"}
	}
	if err := pidf.Showable(n.Text); err != nil {
		switch adapted := pidf.Adapt(n.Text); {
		case form == RefuseNote:
			return Note{}, err
		case form == AdaptNote && adapted != "":
			n.Text = adapted
		}
	}
	return n, d.setNote(ctx, id, n)
}

// ClearNote takes the note of an account back.
func (d *Daemon) ClearNote(ctx context.Context, id AccountID) error {
	return d.setNote(ctx, id, Note{})
}

// setNote stores a note once it is known to be one, and tells it.
func (d *Daemon) setNote(ctx context.Context, id AccountID, n Note) error {
	h, a, err := d.begin(ctx, id)
	if err != nil {
		return err
	}
	if err := n.Check(); err != nil {
		return err
	}
	h.noting.Lock()
	defer h.noting.Unlock()
	if err := h.keep(noteSettings(n)); err != nil {
		return err
	}
	if err := a.SetNote(n); err != nil {
		return translate(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tellLocked(NoteChanged{n})
	return nil
}

// Note returns what an account says of itself.
func (d *Daemon) Note(id AccountID) (Note, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return Note{}, err
	}
	return a.Note(), nil
}

// SetNotesBySIP decides whether notes of an account go to daemons of 2023 too,
// which show them as messages.
func (d *Daemon) SetNotesBySIP(ctx context.Context, id AccountID, on bool) error {
	h, a, err := d.begin(ctx, id)
	if err != nil {
		return err
	}
	if err := h.keep(Details{keyNotesBySIP: strconv.FormatBool(on)}); err != nil {
		return err
	}
	a.SetNotesBySIP(on)
	return nil
}

// NotesBySIP returns what was set by [Daemon.SetNotesBySIP].
func (d *Daemon) NotesBySIP(id AccountID) (bool, error) {
	h, err := d.find(id)
	if err != nil {
		return false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.settings[keyNotesBySIP] == "true", nil
}

// SendText sends a message to the devices of an account that are there, and
// returns its id. What becomes of it is told by [TextChanged]. The error is
// [ErrAway] when none is there.
func (d *Daemon) SendText(ctx context.Context, id AccountID, to infohash.Hash, mediaType, content string) (uint64, error) {
	_, a, err := d.begin(ctx, id)
	if err != nil {
		return 0, err
	}
	text, err := a.SendText(to, mediaType, content)
	return text, translate(err)
}

// TextStatus tells how far a message of any account has come, of the latest ones; 0
// is that of any other.
func (d *Daemon) TextStatus(text uint64) TextStatus {
	for _, h := range d.hosted() {
		if a, err := h.running(); err == nil {
			if status := a.TextStatus(text); status != 0 {
				return status
			}
		}
	}
	return 0
}

// noteSettings are how a note is kept.
func noteSettings(n Note) Details {
	set := Details{keyNote: n.Text, keyNoteUntil: ""}
	if !n.Until.IsZero() {
		set[keyNoteUntil] = strconv.FormatInt(n.Until.UnixMilli(), 10)
	}
	return set
}

// keptNote reads them.
func keptNote(settings Details) Note {
	n := Note{Text: settings[keyNote]}
	if ms, err := strconv.ParseInt(settings[keyNoteUntil], 10, 64); err == nil {
		n.Until = time.UnixMilli(ms)
	}
	return n
}
