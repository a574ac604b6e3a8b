package exchange

import (
	"time"

	"rollcall/channel/message"
	"rollcall/pidf"
)

// Note is what we say of ourselves.
type Note struct {
	Text  string    // "" = nothing
	Until time.Time // when it ends by itself, zero = never
}

// Note returns our note.
func (x *Exchange) Note() Note { return x.note }

// SetNote sets our note and tells all contacts that are connected, even if it is
// the same. The empty note takes back the one before. Those who connect later get
// it too, unless it is empty.
func (x *Exchange) SetNote(now time.Time, note Note) {
	if note.Text == "" {
		note.Until = time.Time{}
	}
	x.note = note
	x.version++
	x.wake(note.Until)
	for _, d := range x.devices {
		x.sendNote(now, d)
		x.wakeFor(d)
	}
}

// SetBySIP decides whether notes go by SIP also to those who have never sent one
// so: older daemons show them as messages.
func (x *Exchange) SetBySIP(now time.Time, on bool) {
	x.bySIP = on
	for _, d := range x.devices {
		x.sendNote(now, d)
		x.wakeFor(d)
	}
}

// expire takes back a note that has ended, and gives up texts whose time is over.
func (x *Exchange) expire(now time.Time) {
	if !x.note.Until.IsZero() && !now.Before(x.note.Until) {
		x.SetNote(now, Note{})
		x.emit(NoteExpired{})
	}
	x.expireTexts(now)
}

// sendNote gives a device our note if it is to have it and has not.
func (x *Exchange) sendNote(now time.Time, d *device) {
	if d.noted == x.version || x.note.Text == "" && d.noteID == 0 || !x.cfg.Contact(d.account) {
		return
	}
	ch := d.route()
	if ch == nil || ch.kind == SIP && !d.wants && !x.bySIP {
		return
	}
	if d.noteFor != x.version {
		d.noteID, d.noteFor = x.newID(), x.version
	}
	record := message.Record{ID: d.noteID, Type: pidf.MIMEType, Content: string(pidf.Append(nil, x.note.Text))}
	if !x.send(now, ch, record, nil) {
		return
	}
	d.noted, d.notedBy = x.version, ch.conn
}
