package channel

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// end is one of two sessions that talk to each other, with what its user knows.
type end struct {
	*Session
	open     map[uint16]bool
	sent     map[uint16][]byte
	received map[uint16][]byte
	wire     []byte // on the way to the session
}

// receive hands e a part of what is on the wire, and answers requests.
func (e *end) receive(t *rapid.T, at time.Time, most int) {
	n := e.Handle(at, e.wire[:min(most, len(e.wire))])
	for _, effect := range e.Effects(nil) {
		switch effect.Kind {
		case Requested:
			if err := e.Accept(effect.Channel); err != nil {
				t.Fatal(err)
			}
			e.open[effect.Channel] = true
		case Opened:
			e.open[effect.Channel] = true
		case Data:
			e.received[effect.Channel] = append(e.received[effect.Channel], effect.Data...)
			e.Consumed(effect.Channel, len(effect.Data))
		case Closed:
			delete(e.open, effect.Channel)
			e.Close(effect.Channel)
		case Ended:
			t.Fatalf("session ended: %v", effect.Reason)
		}
	}
	e.wire = e.wire[n:]
}

// TestTwoSessions lets two sessions open, use and close channels at random over
// a stream that cuts at random: each channel carries what was written, in order.
func TestTwoSessions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := now
		var ends [2]*end
		for i := range ends {
			ends[i] = &end{New(at, i == 0), map[uint16]bool{}, map[uint16][]byte{}, map[uint16][]byte{}, nil}
		}
		flush := func() {
			for i, e := range ends {
				ends[1-i].wire = append(ends[1-i].wire, e.Output(nil)...)
			}
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			at = at.Add(time.Millisecond)
			e := ends[rapid.IntRange(0, 1).Draw(t, "end")]
			number := uint16(rapid.IntRange(1, 3).Draw(t, "number"))
			if rapid.Bool().Draw(t, "of the server") {
				number += firstOfServer - 1
			}
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				if _, err := e.Open(at, "name"); err != nil && err != ErrTooMany {
					t.Fatal(err)
				}
			case 1:
				if e.open[number] {
					p := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "data")
					if n, err := e.Write(number, p); err == nil {
						e.sent[number] = append(e.sent[number], p[:n]...)
					} else {
						t.Fatal(err)
					}
				}
			case 2:
				if e.open[number] {
					e.Close(number)
					delete(e.open, number)
				}
			default:
				flush()
				e.receive(t, at, rapid.IntRange(1, 500).Draw(t, "bytes"))
			}
		}
		for i := 0; i < 20; i++ {
			flush()
			for _, e := range ends {
				e.receive(t, at, 1<<20)
			}
		}
		for i, e := range ends {
			for number, got := range e.received {
				want := ends[1-i].sent[number]
				if !bytes.HasPrefix(want, got) || e.open[number] && len(got) != len(want) {
					t.Fatalf("channel %d: %d bytes of %d, or others", number, len(got), len(want))
				}
				if e.open[number] != ends[1-i].open[number] {
					t.Fatalf("channel %d is open on one side", number)
				}
			}
			if e.unread != 0 || e.Pending() != 0 || len(e.waiting) != 0 {
				t.Fatalf("left over: %d unread, %d to send, %d waiting", e.unread, e.Pending(), len(e.waiting))
			}
		}
	})
}

// FuzzSession feeds a session with anything, whole and in pieces.
func FuzzSession(f *testing.F) {
	for _, name := range []string{"mux-requester.trace", "mux-answerer.trace"} {
		var stream []byte
		for _, frame := range readTrace(f, name) {
			stream = AppendFrame(stream, frame.channel, frame.payload)
		}
		f.Add(stream, 9)
	}
	f.Add([]byte{0x92, 0x00, 0xc4, 0x07, 0x93, 0xa3, 's', 'i', 'p', 0x01, 0x00, 0x92, 0x01, 0xc4, 0x00}, 1)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		if piece < 1 || len(stream) > 1<<18 {
			return
		}
		run := func(stream []byte, piece int) {
			s := New(now, true)
			s.Open(now, "sip")
			for len(stream) > 0 && !s.ended {
				n := s.Handle(now, stream[:min(piece, len(stream))])
				stream = stream[n:]
				for _, e := range s.Effects(nil) {
					switch {
					case e.Kind == Requested && s.Accept(e.Channel) != nil && s.channels[e.Channel] != nil:
						t.Errorf("cannot accept %d", e.Channel)
					case e.Kind == Data:
						s.Consumed(e.Channel, len(e.Data))
					}
				}
				if len(s.channels) > 2*MaxChannels || s.unread > MaxUnread || len(s.message) > MaxPayload || len(s.head) > maxHeader {
					t.Fatal("limits do not hold")
				}
			}
			if next := s.NextDeadline(); !next.IsZero() {
				s.Tick(next)
			}
		}
		run(stream, piece)
		run(stream, len(stream)+1)
	})
}
