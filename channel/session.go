package channel

import (
	"errors"
	"maps"
	"slices"
	"time"

	"rollcall/internal/allowance"
)

var (
	// ErrName reports a name that is empty or longer than MaxName.
	ErrName = errors.New("channel: name is empty or too long")
	// ErrTooMany reports that MaxChannels of ours are open already.
	ErrTooMany = errors.New("channel: too many channels, close some")
	// ErrExhausted reports that all numbers were used: the connection has to
	// be made anew.
	ErrExhausted = errors.New("channel: no number is left on this connection")
	// ErrEnded reports a session that is over.
	ErrEnded = errors.New("channel: the session has ended")
	// ErrUnknown reports a number that has no channel in the state asked for.
	ErrUnknown = errors.New("channel: no such channel")
)

// Session is one end of a stream with channels. It is not safe for concurrent
// use, never blocks, and holds no more than MaxBacklog and one control message.
// Make one with New.
//
// After each call the driver sends what Output returns, carries out the Effects,
// and sees that Tick is called at NextDeadline.
type Session struct {
	channels map[uint16]*entry
	waiting  []*entry // the requests without an answer, of both sides
	byUs     int      // of channels
	next     int      // number of our next channel
	last     int      // number of our last one

	head    []byte // the part of a header that has come
	frame   frame  // being received
	left    int    // bytes of its payload still to come
	message []byte // the part of a control message that has come

	unread    int    // bytes, of all channels
	blocked   *entry // the channel that holds back the stream, if any
	blockedAt time.Time

	requests allowance.Allowance // of the peer, for channels

	patience time.Duration // the silence after which a beacon is sent

	started time.Time
	heard   time.Time // when the peer was last known to be alive
	beacon  time.Time // when the unanswered beacon was sent, zero if there is none
	looked  int       // how many times for the answer
	version uint64    // that the peer announced, 0 before it did

	out     []byte
	effects []Effect
	stats   Stats
	ended   bool
}

// entry is a channel or a request for one.
type entry struct {
	number   uint16
	name     string
	ours     bool
	state    state
	deadline time.Time // of a request
	unread   int       // bytes handed over, but not Consumed
}

type state uint8

const (
	requested state = iota // by us or by the peer
	open
	closed // by the peer or for being slow, not yet by us
)

// New returns a session over a stream that was just set up. client tells whether
// we were the TLS client.
func New(now time.Time, client bool) *Session {
	s := &Session{
		channels: make(map[uint16]*entry),
		next:     firstOfServer,
		last:     lastOfServer,
		patience: BeaconAfter,
		started:  now,
		heard:    now,
	}
	if client {
		s.next, s.last = firstOfClient, lastOfClient
		s.patience += ClientWait
	}
	s.send(Protocol, appendVersion(nil))
	return s
}

// Open asks the peer for a channel and returns its number. Opened or Closed
// tells the answer.
func (s *Session) Open(now time.Time, name string) (uint16, error) {
	switch {
	case s.ended:
		return 0, ErrEnded
	case name == "" || len(name) > MaxName:
		return 0, ErrName
	case s.byUs >= MaxChannels:
		return 0, ErrTooMany
	}
	for s.next <= s.last && s.channels[uint16(s.next)] != nil {
		s.next++ // a peer that numbers at random has it
	}
	if s.next > s.last {
		return 0, ErrExhausted
	}
	number := uint16(s.next)
	s.next++
	s.add(&entry{number: number, name: name, ours: true, deadline: now.Add(AnswerLimit)})
	s.send(Control, appendRequest(nil, name, number, stateRequest))
	return number, nil
}

// Accept opens a channel that the peer asked for.
func (s *Session) Accept(number uint16) error {
	c := s.channels[number]
	if c == nil || c.ours || c.state != requested {
		return ErrUnknown
	}
	s.settle(c)
	c.state = open
	s.send(Control, appendRequest(nil, c.name, number, stateAccept))
	return nil
}

// Decline refuses a channel that the peer asked for.
func (s *Session) Decline(number uint16) error {
	c := s.channels[number]
	if c == nil || c.ours || c.state != requested {
		return ErrUnknown
	}
	s.decline(c.name, number, Refused)
	s.remove(c)
	return nil
}

// Write sends p as a frame on an open channel, up to MaxPayload bytes of it, and
// returns how many it took: none while MaxOutput bytes wait to be sent.
func (s *Session) Write(number uint16, p []byte) (int, error) {
	c := s.channels[number]
	if c == nil || c.state != open {
		return 0, ErrUnknown
	}
	if len(p) == 0 || len(s.out) >= MaxOutput {
		return 0, nil // an empty frame would close the channel
	}
	p = p[:min(len(p), MaxPayload)]
	s.send(number, p)
	return len(p), nil
}

// Consumed tells that n bytes of a channel's data were read, so that more may come.
func (s *Session) Consumed(number uint16, n int) {
	if c := s.channels[number]; c != nil {
		s.release(c, n)
	}
}

// Close ends a channel and forgets it: bytes of it that come later are dropped.
// A request of ours is taken back, one of the peer's is declined. It does
// nothing if there is no such channel.
func (s *Session) Close(number uint16) {
	c := s.channels[number]
	switch {
	case c == nil:
		return
	case c.state == open:
		s.send(number, nil)
		s.stats.Ends[Local]++
	case c.state == requested && c.ours:
		// The peer is told when it accepts: one that is asked and told off in
		// the same breath may take these in the wrong order.
		s.stats.Ends[Local]++
	case c.state == requested:
		s.decline(c.name, number, Refused)
	}
	s.remove(c)
}

// Beacon asks the peer for a sign of life, unless that was asked already: the
// session ends if none comes within BeaconTimeout. Call it when the network
// changed or the machine woke up. Peers without a version are not asked.
func (s *Session) Beacon(now time.Time) {
	if s.ended || s.version < 1 || s.blocked != nil || !s.beacon.IsZero() {
		return
	}
	s.beacon, s.looked = now, 0
	s.send(Protocol, appendBeacon(nil, true))
}

// End ends the session and all its channels: for Local if we want it, for
// StreamEnd if the stream broke.
func (s *Session) End(r Reason) {
	if s.ended {
		return
	}
	s.ended = true
	for _, number := range slices.Sorted(maps.Keys(s.channels)) {
		if s.channels[number].state != closed {
			s.stats.Ends[r]++
			s.effects = append(s.effects, Effect{Kind: Closed, Channel: number, Reason: r})
		}
	}
	s.channels, s.waiting, s.blocked = nil, nil, nil
	s.head, s.message = nil, nil
	s.unread, s.byUs = 0, 0
	s.stats.Ends[r]++
	s.effects = append(s.effects, Effect{Kind: Ended, Reason: r})
}

// Output returns the bytes to send and forgets them. The session then writes
// into spare, which may be nil or what an earlier call returned.
func (s *Session) Output(spare []byte) []byte {
	out := s.out
	s.out = spare[:0]
	return out
}

// Pending returns how many bytes Output has.
func (s *Session) Pending() int { return len(s.out) }

// Effects appends the pending effects to dst and forgets them, in order.
func (s *Session) Effects(dst []Effect) []Effect {
	dst = append(dst, s.effects...)
	clear(s.effects)
	s.effects = s.effects[:0]
	if cap(s.effects) > keptEffects {
		s.effects = nil
	}
	return dst
}

// Stats returns the counts so far.
func (s *Session) Stats() Stats { return s.stats }

// send queues a frame.
func (s *Session) send(number uint16, payload []byte) {
	before := len(s.out)
	s.out = AppendFrame(s.out, number, payload)
	s.stats.BytesOut += uint64(len(s.out) - before)
	s.stats.FramesOut++
}

// decline answers a request of the peer.
func (s *Session) decline(name string, number uint16, r Reason) {
	s.stats.Ends[r]++
	s.send(Control, appendRequest(nil, name, number, stateDecline))
}

// add takes a request up.
func (s *Session) add(c *entry) {
	s.channels[c.number] = c
	s.waiting = append(s.waiting, c)
	if c.ours {
		s.byUs++
	}
}

// settle ends the waiting for an answer.
func (s *Session) settle(c *entry) {
	if i := slices.Index(s.waiting, c); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	}
}

// close tells that a channel or request ended. One that was open keeps its
// number, and its unread bytes count, until Close.
func (s *Session) close(c *entry, r Reason) {
	s.stats.Ends[r]++
	s.effects = append(s.effects, Effect{Kind: Closed, Channel: c.number, Reason: r})
	if c.state == requested {
		s.remove(c)
		return
	}
	c.state = closed
	if s.blocked == c {
		s.blocked = nil
	}
}

// remove forgets a channel or request.
func (s *Session) remove(c *entry) {
	s.settle(c)
	delete(s.channels, c.number)
	if c.ours {
		s.byUs--
	}
	if s.blocked == c {
		s.blocked = nil
	}
	s.release(c, c.unread)
}
