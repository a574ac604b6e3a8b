package talk

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"rollcall/pidf"
	"rollcall/talk/internal/exchange"
)

// Event is what [Config].Notify is told: a [NoteReceived], [NoteExpired],
// [TextReceived], [TextChanged] or [Seek].
type Event any

// The events and what they hold.
type (
	// NoteReceived tells the note of an account; its text is "" when it is taken
	// back.
	NoteReceived = exchange.NoteReceived
	// TextReceived tells of a message for people.
	TextReceived = exchange.TextReceived
	// TextChanged tells how far a text of ours has come.
	TextChanged = exchange.TextChanged
	// NoteExpired tells that our note has ended by itself.
	NoteExpired = exchange.NoteExpired
	// Seek asks for a connection with a device of an account: a text waits for it.
	Seek = exchange.Seek
	// Status is how far a text has come.
	Status = exchange.Status
	// Counters count what was not told.
	Counters = exchange.Counters
)

// The statuses of a text.
const (
	Sending = exchange.Sending // on the way, or waiting for a connection
	Sent    = exchange.Sent    // given to a device
	Failed  = exchange.Failed  // no device took it in time
)

var (
	// ErrText reports a text that cannot be sent.
	ErrText = exchange.ErrText
	// ErrTooMany reports that too many texts wait already.
	ErrTooMany = exchange.ErrTooMany
	// ErrNote reports a note that cannot be sent.
	ErrNote = errors.New("talk: not a note that can be sent")
)

// MaxNote is the longest note in bytes.
const MaxNote = exchange.MaxNote

// Note is what an account says of itself, "" = nothing, and until when; zero =
// until it says something else.
type Note exchange.Note

// Check tells whether n can be sent; the error wraps [ErrNote].
func (n Note) Check() error {
	read, err := pidf.Parse(pidf.Append(nil, n.Text))
	switch {
	case len(n.Text) > MaxNote:
		return fmt.Errorf("%w: it has %d bytes, want at most %d", ErrNote, len(n.Text), MaxNote)
	case !utf8.ValidString(n.Text):
		return fmt.Errorf("%w: it is not UTF-8", ErrNote)
	case err != nil || read != n.Text:
		return fmt.Errorf("%w: it would not be read as a note, say it in other words", ErrNote)
	}
	return nil
}
