package exchange

import (
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/dht/infohash"
	"rollcall/pidf"
	"rollcall/sip"
)

// plainText is the type of messages that are for people; of the others (peer spec
// 6.3) only notes are told.
const plainText = "text/plain"

// Received takes what came by a channel. p is not retained.
func (x *Exchange) Received(now time.Time, id ChannelID, p []byte) {
	ch := x.channels[id]
	if ch == nil {
		return
	}
	var err error
	if ch.kind == Records {
		err = x.readRecords(now, ch, p)
	} else {
		err = x.readSIP(now, ch, p)
	}
	if err != nil {
		x.counters.Malformed++
		x.emit(Close{ch.id, err})
		x.closed(now, ch)
	}
}

func (x *Exchange) readRecords(now time.Time, ch *channel, p []byte) error {
	ch.records.Feed(p)
	for {
		r, ok, err := ch.records.Next()
		if !ok || err != nil {
			return err
		}
		media, _, _ := strings.Cut(r.Type, ";")
		x.told(now, ch.conn.device, r.ID, strings.ToLower(strings.TrimSpace(media)), r.Content)
	}
}

func (x *Exchange) readSIP(now time.Time, ch *channel, p []byte) error {
	ch.sip.Feed(p)
	for {
		m, ok, err := ch.sip.Next()
		if !ok || err != nil {
			return err
		}
		if m.Method == "" {
			x.answered(ch, &m)
			continue
		}
		// Before anything else: peers take the answer for delivery, and repeat the
		// message without it.
		if status := sip.Answer(m.Method); status != 0 {
			x.emit(Write{ch.id, sip.AppendAnswer(nil, &m, status, x.token())})
		}
		if m.Method != sip.Message {
			continue
		}
		d, media := ch.conn.device, m.ContentType()
		x.told(now, d, m.MessageID(), media, string(m.Body))
		if media == pidf.MIMEType {
			d.wants = true
			x.sendNote(now, d)
			x.wakeFor(d)
		}
	}
}

// told takes a message of a device. The connection proves which account it is of.
func (x *Exchange) told(now time.Time, d *device, id uint64, media, content string) {
	key := messageKey{d.account, id}
	switch {
	case media != pidf.MIMEType && media != plainText:
		x.counters.Ignored++
		return
	case id != 0 && x.seen.known[key]:
		x.counters.Repeated++
		return
	case !d.told.Take(now, receiveRate, receiveBurst):
		x.counters.Excess++ // and not remembered, which would push out those of others
		return
	}
	if id != 0 {
		x.seen.add(key)
	}
	if media == plainText {
		x.emit(TextReceived{d.account, d.id, id, media, clean(content), now})
		return
	}
	note, err := pidf.Parse([]byte(content))
	if err != nil {
		x.counters.Ignored++
		return
	}
	x.emit(NoteReceived{d.account, d.id, clean(cut(note, MaxNote)), now})
}

// clean returns s in UTF-8 without zero bytes, neither of which clients can be
// told over D-Bus.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cut returns at most n bytes of s, in whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// seen knows the last messages by their ids. The zero seen knows none.
type seen struct {
	known map[messageKey]bool
	order []messageKey // a ring once it is full
	next  int
}

type messageKey struct {
	account infohash.Hash
	id      uint64
}

// add notes a message that is not known.
func (s *seen) add(key messageKey) {
	if s.known == nil {
		s.known = make(map[messageKey]bool)
	}
	if len(s.order) < maxSeen {
		s.order = append(s.order, key)
	} else {
		delete(s.known, s.order[s.next])
		s.order[s.next] = key
		s.next = (s.next + 1) % maxSeen
	}
	s.known[key] = true
}
