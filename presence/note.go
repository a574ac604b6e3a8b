package presence

import (
	"time"

	"rollcall/dht/infohash"
)

// Note is what an account says of itself, by one of its devices.
type Note struct {
	Text string    // "" = it says nothing, or took its words back
	At   time.Time // when we heard it, zero = never
}

// NoteReceived takes the note of an account that is tracked. It comes by a message
// channel: when that is not known yet, the note is told after it.
func (t *Tracker) NoteReceived(now time.Time, account infohash.Hash, text string) {
	p := t.peers[account]
	if p == nil {
		return
	}
	p.note = Note{text, now}
	t.keep(p, Change{At: now, Status: Connected, Noted: true, Note: text})
	t.save(now, p)
	p.unheard = true
	t.tellNote(now, p)
}

// tellNote tells a note that was not told.
func (t *Tracker) tellNote(now time.Time, p *peer) {
	if p.unheard && p.status == Connected {
		p.unheard = false
		t.emit(StatusChanged{p.account, Connected, Connected, now, CauseNote, p.subscriptions > 0, p.note.Text})
	}
}

// lastNote returns the last note of a history.
func lastNote(history []Change) Note {
	var note Note
	for _, c := range history {
		if c.Noted {
			note = Note{c.Note, c.At}
		}
	}
	return note
}
