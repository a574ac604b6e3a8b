package channel

import (
	"time"

	"rollcall/internal/msgpack"
)

// What is kept of the capacity of buffers between two calls: what peers send
// fits, and a burst leaves nothing behind.
const (
	keptMessage = 1 << 10 // bytes
	keptEffects = 64
)

// Handle takes bytes of the stream and returns how many. It takes them all but
// when a slow reader holds back the stream: offer the rest again once Blocked
// reports false. p is aliased by the effects, and not retained once these are
// drained.
func (s *Session) Handle(now time.Time, p []byte) (n int) {
	switch {
	case s.ended:
		return len(p)
	case s.blocked != nil:
		return 0
	}
	s.heard = now
	s.beacon = time.Time{}
	for n < len(p) && s.blocked == nil && !s.ended {
		if s.left > 0 {
			n += s.payload(now, p[n:])
		} else {
			n += s.header(now, p[n:])
		}
	}
	s.stats.BytesIn += uint64(n)
	if len(s.out) > MaxBacklog {
		s.End(Backlog)
	}
	if s.ended {
		return len(p)
	}
	return n
}

// Blocked reports whether a slow reader holds back the stream.
func (s *Session) Blocked() bool { return s.blocked != nil }

// header takes bytes of a header from p.
func (s *Session) header(now time.Time, p []byte) int {
	had := len(s.head)
	s.head = append(s.head, p[:min(len(p), maxHeader-had)]...)
	f, size, ok := parseHeader(s.head)
	switch {
	case !ok:
		s.End(BadFrame)
		return len(p)
	case size == 0:
		return len(s.head) - had
	}
	s.head = s.head[:0]
	s.stats.FramesIn++
	s.frame, s.left = f, f.size
	if f.size == 0 {
		s.empty(f.channel)
	}
	return size - had
}

// empty takes a frame without payload, which closes its channel.
func (s *Session) empty(number uint16) {
	if c := s.channels[number]; c != nil && c.state != closed {
		s.close(c, Remote)
	}
}

// payload takes bytes of a payload from p.
func (s *Session) payload(now time.Time, p []byte) int {
	p = p[:min(len(p), s.left)]
	if n := s.frame.channel; n != Control && n != Protocol {
		taken := s.deliver(now, n, p)
		s.left -= taken
		return taken
	}
	s.left -= len(p)
	switch {
	case s.left > 0:
		s.message = append(s.message, p...)
	case len(s.message) == 0:
		s.control(now, p)
	default:
		s.message = append(s.message, p...)
		s.control(now, s.message)
		s.message = s.message[:0]
		if cap(s.message) > keptMessage {
			s.message = nil
		}
	}
	return len(p)
}

// deliver hands over as much of p as the channel may have unread.
func (s *Session) deliver(now time.Time, number uint16, p []byte) int {
	c := s.channels[number]
	if c == nil || c.state != open {
		s.stats.Stray += uint64(len(p))
		return len(p)
	}
	room := min(Window-c.unread, MaxUnread-s.unread)
	if room <= 0 {
		s.blocked, s.blockedAt = c, now
		s.stats.Held++
		return 0
	}
	p = p[:min(len(p), room)]
	c.unread += len(p)
	s.unread += len(p)
	s.effects = append(s.effects, Effect{Kind: Data, Channel: number, Data: p})
	return len(p)
}

// release takes n bytes of a channel as read, and lets the stream go on once
// there is room for more than crumbs.
func (s *Session) release(c *entry, n int) {
	n = min(n, c.unread)
	c.unread -= n
	s.unread -= n
	if s.blocked != nil && s.blocked.unread <= Window/2 && s.unread <= MaxUnread-Window/2 {
		s.blocked = nil
	}
}

// control takes the messages in a payload of one of the reserved channels.
func (s *Session) control(now time.Time, p []byte) {
	r := msgpack.NewReader(p)
	for r.Kind() != msgpack.KindEnd && !s.ended {
		kind := r.Kind()
		raw := r.Raw()
		if r.Err() != nil {
			s.End(BadControl)
			return
		}
		message := msgpack.NewReader(raw)
		understood := false
		switch {
		case kind == msgpack.KindMap:
			understood = s.protocol(&message)
		case kind == msgpack.KindArray && s.frame.channel == Control:
			understood = s.request(now, &message)
		}
		if !understood {
			s.stats.Ignored++
		}
	}
}

// protocol takes a version or a beacon and reports whether it was one.
func (s *Session) protocol(r *msgpack.Reader) bool {
	understood := false
	for range r.Map() {
		switch string(r.Key()) {
		case "v":
			if v := r.Uint(); r.Err() == nil {
				s.version = v
				understood = true
			}
		case "p":
			if ask := r.Bool(); r.Err() == nil {
				understood = true
				if ask {
					s.send(Protocol, appendBeacon(nil, false))
				}
			}
		default:
			r.Skip()
		}
	}
	return understood
}

// request takes a channel request or the answer to one and reports whether it
// was one.
func (s *Session) request(now time.Time, r *msgpack.Reader) bool {
	if r.Array() != 3 {
		return false
	}
	name, number, state := r.Str(), uint16(r.UintMax(0xffff)), r.UintMax(stateDecline)
	if r.Err() != nil {
		return false
	}
	c := s.channels[number]
	ours := c != nil && c.ours && c.state == requested
	switch {
	case state == stateRequest:
		s.asked(now, string(name), number)
	case ours && state == stateAccept:
		s.settle(c)
		c.state = open
		s.effects = append(s.effects, Effect{Kind: Opened, Channel: number})
	case ours:
		s.close(c, Declined)
	case c == nil && state == stateAccept && number != Control && number != Protocol:
		s.send(number, nil) // we have taken this request back
	}
	return true
}

// asked takes a request of the peer.
func (s *Session) asked(now time.Time, name string, number uint16) {
	switch {
	case number == Control || number == Protocol || s.channels[number] != nil:
		s.decline(name, number, Taken)
	case len(name) > MaxName:
		s.decline(name, number, TooLong)
	case len(s.channels)-s.byUs >= MaxChannels, !s.requests.Take(now, RequestRate, RequestBurst):
		s.decline(name, number, TooMany)
	default:
		s.add(&entry{number: number, name: name, deadline: now.Add(DecisionLimit)})
		s.effects = append(s.effects, Effect{Kind: Requested, Channel: number, Name: name})
	}
}
