package account

import (
	"errors"
	"net"
	"time"

	"rollcall/dht/infohash"
	"rollcall/peer"
	"rollcall/presence"
	"rollcall/talk"
)

// ErrAway reports that no device of an account is there to be sent something.
var ErrAway = errors.New("account: no device of theirs is there")

// newTalk makes the talk of the account; what it tells joins the other events.
func (a *Account) newTalk() *talk.Talk {
	t := talk.New(talk.Config{
		Account: a.id, Device: a.device.LongID(), Contact: a.isContact, Notify: a.talkEvent, Logger: a.log,
	})
	t.SetBySIP(a.cfg.NotesBySIP)
	if until := a.cfg.Note.Until; until.IsZero() || until.After(time.Now()) {
		if err := t.SetNote(a.cfg.Note); err != nil {
			a.log.Warn("note not set", "err", err)
		}
	}
	return t
}

// isContact tells the talk who is a contact; the talk's lock is held.
func (a *Account) isContact(peer infohash.Hash) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, _ := a.list.Contact(peer)
	return c.Active()
}

func (a *Account) incoming(c *peer.Conn, name string) func(net.Conn) { return a.talk.Incoming(c, name) }

func (a *Account) talkEvent(event talk.Event) {
	switch e := event.(type) {
	case talk.NoteReceived:
		a.input(func(now time.Time) { a.tracker.NoteReceived(now, e.Account, e.Text) })
	case talk.Seek:
		a.seek(e.Account)
	default:
		a.input(func(time.Time) { a.told = append(a.told, event) })
	}
}

// seek connects with the devices of an account that are announced, confirmed
// contact or not: there is something for them.
func (a *Account) seek(account infohash.Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.peers == nil {
		return
	}
	view, _ := a.tracker.View(account)
	for _, d := range view.Devices {
		if d.Verdict == presence.Genuine {
			a.peers.Want(peer.Device{Account: account, Key: d.Key})
		}
	}
	a.peers.Hurry(account)
}

// SetNote sets our note for contacts; see [talk.Talk.SetNote].
func (a *Account) SetNote(n talk.Note) error { return a.talk.SetNote(n) }

// Note returns our note.
func (a *Account) Note() talk.Note { return a.talk.Note() }

// MessageCounters count the messages of others that were not told.
func (a *Account) MessageCounters() talk.Counters { return a.talk.Counters() }

// SetNotesBySIP does what [talk.Talk.SetBySIP] says.
func (a *Account) SetNotesBySIP(on bool) { a.talk.SetBySIP(on) }

// SendText sends a text to all devices of an account and returns its id; see
// [talk.Talk.Send]. The error is [ErrAway] when none is connected or announced.
func (a *Account) SendText(to infohash.Hash, mediaType, content string) (id uint64, err error) {
	if !a.talk.Reaches(to) && !a.online(to) {
		return 0, ErrAway
	}
	return a.talk.Send(to, mediaType, content)
}

// TextStatus tells how far a text has come; see [talk.Talk.Status].
func (a *Account) TextStatus(id uint64) talk.Status { return a.talk.Status(id) }

func (a *Account) online(peer infohash.Hash) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tracker.Status(peer) != presence.Offline
}
