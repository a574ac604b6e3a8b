package channel

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// text writes effects in short.
func text(effects []Effect) string {
	var b strings.Builder
	for _, e := range effects {
		switch e.Kind {
		case Requested:
			fmt.Fprintf(&b, "ask %d %s; ", e.Channel, e.Name)
		case Opened:
			fmt.Fprintf(&b, "open %d; ", e.Channel)
		case Data:
			fmt.Fprintf(&b, "data %d %q; ", e.Channel, e.Data)
		case Closed:
			fmt.Fprintf(&b, "closed %d %v; ", e.Channel, e.Reason.String())
		case Ended:
			fmt.Fprintf(&b, "ended %s; ", e.Reason.String())
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// peer is a session under test with the peer's side written by hand.
type peer struct {
	*Session
	t *testing.T
}

// newPeer returns a session of a TLS server whose peer has announced version 1.
func newPeer(t *testing.T) peer {
	p := peer{New(now, false), t}
	p.says(now, Protocol, appendVersion(nil))
	p.wants("92cdffffc40481a17601")
	return p
}

// says hands the session a frame and returns what comes of it.
func (p peer) says(at time.Time, channel uint16, payload []byte) string {
	p.t.Helper()
	wire := AppendFrame(nil, channel, payload)
	if n := p.Handle(at, wire); n != len(wire) {
		p.t.Fatalf("took %d of %d bytes", n, len(wire))
	}
	return text(p.Effects(nil))
}

// wants checks what the session sends, in hexadecimal.
func (p peer) wants(want string) {
	p.t.Helper()
	if got := hex.EncodeToString(p.Output(nil)); got != want {
		p.t.Errorf("sent %s, want %s", got, want)
	}
}

// opened returns the number of a channel that the peer has opened.
func (p peer) opened(number uint16) uint16 {
	p.t.Helper()
	p.says(now, Control, appendRequest(nil, "sip", number, stateRequest))
	if err := p.Accept(number); err != nil {
		p.t.Fatal(err)
	}
	p.Output(nil)
	return number
}

func (p peer) check(got, want string) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("got %q, want %q", got, want)
	}
}

func TestOpen(t *testing.T) {
	p := newPeer(t)
	for i, answer := range []struct {
		state  uint64
		effect string
	}{{stateAccept, "open 32768"}, {stateDecline, "closed 32769 declined by the peer"}} {
		n, err := p.Open(now, "sip")
		if err != nil || n != uint16(0x8000+i) {
			t.Fatalf("Open = %#x, %v", n, err)
		}
		p.wants(fmt.Sprintf("9200c40993a3736970cd800%d00", i))
		p.check(p.says(now, n, []byte("early")), "")
		p.check(p.says(now, Control, appendRequest(nil, "sip", n, answer.state)), answer.effect)
		p.check(p.says(now, Control, appendRequest(nil, "sip", n, answer.state)), "")
	}
	p.wants("")
	p.check(p.says(now, 0x8000, []byte("hello")), `data 32768 "hello"`)
	if n, err := p.Write(0x8000, []byte("hi")); n != 2 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if n, err := p.Write(0x8000, nil); n != 0 || err != nil {
		t.Errorf("empty Write = %d, %v", n, err)
	}
	if _, err := p.Write(0x8001, []byte("hi")); !errors.Is(err, ErrUnknown) {
		t.Errorf("Write on a declined channel: %v", err)
	}
	p.wants("92cd8000c4026869")
	p.Close(0x8000)
	p.Close(0x8000)
	p.wants("92cd8000c400")
	p.check(p.says(now, 0x8000, []byte("late")), "")
	if got := p.Stats(); got.Stray != 14 || got.Ends[Local] != 1 || got.Ends[Declined] != 1 {
		t.Errorf("stats %+v", got)
	}
	if n, _ := New(now, true).Open(now, "sip"); n != 1 {
		t.Errorf("the client counts from %d", n)
	}
}

func TestOpenTakenBack(t *testing.T) {
	p := newPeer(t)
	n, _ := p.Open(now, "sip")
	p.Output(nil)
	p.Close(n)
	p.wants("")
	p.check(p.says(now, Control, appendRequest(nil, "sip", n, stateAccept)), "")
	p.wants("92cd8000c400")
}

func TestOpenUnanswered(t *testing.T) {
	p := newPeer(t)
	at := now
	p.Open(now, "sip")
	for range 3 { // the peer lives, but does not answer
		at = at.Add(10 * time.Second)
		p.check(text(p.Effects(nil)), "")
		p.Tick(at)
		p.Handle(at, AppendFrame(nil, Protocol, appendVersion(nil)))
	}
	p.check(text(p.Effects(nil)), "closed 32768 not answered in time")
}

func TestOpenLimits(t *testing.T) {
	p := newPeer(t)
	for _, name := range []string{"", strings.Repeat("x", MaxName+1)} {
		if _, err := p.Open(now, name); !errors.Is(err, ErrName) {
			t.Errorf("%.5q: %v", name, err)
		}
	}
	// The peer holds a number of ours.
	p.opened(0x8001)
	var last uint16
	for range MaxChannels {
		n, err := p.Open(now, strings.Repeat("x", MaxName))
		if err != nil {
			t.Fatal(err)
		}
		last = n
	}
	if _, err := p.Open(now, "sip"); !errors.Is(err, ErrTooMany) || last != 0x8000+MaxChannels {
		t.Errorf("%v, last number %#x", err, last)
	}
	p.Close(last)
	p.next = lastOfServer
	if n, err := p.Open(now, "sip"); n != 0xfffe || err != nil {
		t.Errorf("%#x, %v", n, err)
	}
	p.Close(0xfffe)
	if _, err := p.Open(now, "sip"); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
}

func TestRequests(t *testing.T) {
	p := newPeer(t)
	p.check(p.says(now, Control, appendRequest(nil, "sip", 1, stateRequest)), "ask 1 sip")
	p.check(p.says(now, 1, []byte("too early")), "")
	if err := p.Accept(1); err != nil {
		t.Fatal(err)
	}
	if err := p.Accept(1); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	p.wants("9200c40793a37369700101")
	p.check(p.says(now, 1, []byte("a")), `data 1 "a"`)

	p.says(now, Control, appendRequest(nil, "sync://", 2, stateRequest))
	if err := p.Decline(2); err != nil {
		t.Fatal(err)
	}
	if err := p.Decline(1); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	p.wants("9200c40b93a773796e633a2f2f0202")
	p.says(now, Control, appendRequest(nil, "x", 3, stateRequest))
	p.Close(3)
	p.wants("9200c40593a1780302")

	// Numbers that are not free, and a name that is too long.
	for _, number := range []uint16{1, Control, Protocol} {
		p.check(p.says(now, Control, appendRequest(nil, "x", number, stateRequest)), "")
	}
	p.wants("9200c40593a1780102" + "9200c40593a1780002" + "9200c40793a178cdffff02")
	p.check(p.says(now, Control, appendRequest(nil, strings.Repeat("x", MaxName+1), 4, stateRequest)), "")

	// Several messages in one payload, and things that mean nothing.
	several := appendRequest(nil, "a", 5, stateRequest)
	several = append(several, 0x93, 0xa1, 'b', 6, 7) // unknown state
	several = append(several, 0x91, 0xa1, 0xc0)
	several = appendVersion(several)
	several = appendRequest(several, "c", 8, stateRequest)
	p.check(p.says(now, Control, several), "ask 5 a; ask 8 c")
	p.check(p.says(now, Protocol, appendRequest(nil, "d", 9, stateRequest)), "")
	p.check(p.says(now, 5, nil), "closed 5 closed by the peer") // withdrawn
	stats := p.Stats()
	if stats.Ends[Taken] != 3 || stats.Ends[TooLong] != 1 || stats.Ends[Refused] != 2 || stats.Ignored != 3 {
		t.Errorf("stats %+v", stats)
	}
}

func TestRequestsAreAlwaysAnswered(t *testing.T) {
	p := newPeer(t)
	p.says(now, Control, appendRequest(nil, "sip", 7, stateRequest))
	if got := p.NextDeadline(); got != now.Add(DecisionLimit) {
		t.Errorf("deadline %v", got)
	}
	p.Tick(now.Add(DecisionLimit - 1))
	p.wants("")
	p.Tick(now.Add(DecisionLimit))
	p.wants("9200c40793a37369700702")
	p.check(text(p.Effects(nil)), "closed 7 not answered in time")

	// Channels that the peer has closed count until they are closed here too.
	for n := range uint16(MaxChannels) {
		p.opened(100 + n)
		p.says(now, 100+n, nil)
	}
	p.check(p.says(now, Control, appendRequest(nil, "sip", 8, stateRequest)), "")
	p.wants("9200c40793a37369700802")
	p.Close(100)
	p.wants("")
	p.check(p.says(now, Control, appendRequest(nil, "sip", 8, stateRequest)), "ask 8 sip")
	if _, err := p.Open(now, "sip"); err != nil {
		t.Errorf("the peer's channels count for ours: %v", err)
	}
}

// TestRequestFlood: channels that come and go are declined when they come too often.
func TestRequestFlood(t *testing.T) {
	p := newPeer(t)
	at := now
	accepted := func(asked int) (n int) {
		for range asked {
			if p.says(at, Control, appendRequest(nil, "sip", 7, stateRequest)) != "" {
				n++
				p.Close(7)
			}
			p.Output(nil)
		}
		return n
	}
	if n := accepted(2 * RequestBurst); n != RequestBurst {
		t.Errorf("%d are considered at once", n)
	}
	at = at.Add(10 * time.Second)
	if n := accepted(2 * RequestBurst); n != 10*RequestRate {
		t.Errorf("%d are considered after ten seconds", n)
	}
	if stats := p.Stats(); stats.Ends[TooMany] != 3*RequestBurst-10*RequestRate {
		t.Errorf("%d are declined", stats.Ends[TooMany])
	}
	at = at.Add(time.Hour)
	if n := accepted(2 * RequestBurst); n != RequestBurst {
		t.Errorf("%d are considered after an hour", n)
	}
}

func TestBeacons(t *testing.T) {
	p := newPeer(t)
	p.check(p.says(now, Protocol, appendBeacon(nil, true)), "")
	p.wants("92cdffffc40481a170c2")

	if got := p.NextDeadline(); got != now.Add(BeaconAfter) {
		t.Errorf("deadline %v", got)
	}
	at := now.Add(BeaconAfter)
	p.Tick(at)
	p.wants("92cdffffc40481a170c3")
	p.Beacon(at) // one is enough
	p.wants("")
	at = at.Add(BeaconTimeout - 1)
	p.Tick(at)
	p.check(p.says(at, Protocol, appendBeacon(nil, false)), "")

	p.Beacon(at)
	p.wants("92cdffffc40481a170c3")
	p.opened(1)
	p.says(at, 1, []byte("life")) // in place of an answer
	p.Tick(at.Add(BeaconTimeout))
	p.Effects(nil)

	p.Beacon(at)
	for range looks {
		p.check(text(p.Effects(nil)), "")
		at = p.NextDeadline()
		p.Tick(at)
	}
	p.check(text(p.Effects(nil)), "closed 1 the peer is silent; ended the peer is silent")
	if at.Sub(now) > 30*time.Second || !p.NextDeadline().IsZero() {
		t.Errorf("ended at %v, next %v", at, p.NextDeadline())
	}
}

// TestOneSideAsks: as soon as one has asked, both know that the other is alive.
func TestOneSideAsks(t *testing.T) {
	client, server := New(now, true), New(now, false)
	at := now
	pass := func() (bytes int) {
		for from, to := client, server; client.Pending()+server.Pending() > 0; from, to = to, from {
			out := from.Output(nil)
			to.Handle(at, out)
			bytes += len(out)
		}
		return bytes
	}
	pass()
	for range 10 {
		at = server.NextDeadline()
		if client.NextDeadline().Sub(at) != ClientWait {
			t.Fatalf("the client asks %v later", client.NextDeadline().Sub(at))
		}
		server.Tick(at)
		if sent := pass(); sent != 2*10 {
			t.Fatalf("%d bytes for a beacon and its answer", sent)
		}
	}
}

func TestSilentFromTheStart(t *testing.T) {
	s := New(now, true)
	s.Beacon(now) // it may not know what that is
	if out := s.Output(nil); len(out) != 10 {
		t.Errorf("sent %x", out)
	}
	at := s.NextDeadline()
	s.Tick(at)
	if got := text(s.Effects(nil)); got != "ended the peer is silent" || at.Sub(now) > 30*time.Second {
		t.Errorf("%s after %v", got, at.Sub(now))
	}
	// A peer without a version cannot be asked.
	s = New(now, true)
	s.Handle(now, AppendFrame(nil, Control, appendRequest(nil, "sip", 0x8000, stateRequest)))
	s.Accept(0x8000)
	if got := s.NextDeadline(); !got.IsZero() {
		t.Errorf("deadline %v", got)
	}
}

func TestEnds(t *testing.T) {
	tests := []struct {
		name, wire string
		reason     Reason
	}{
		{"no array", "81a17601", BadFrame},
		{"array of three", "93", BadFrame},
		{"channel is a str", "92a161", BadFrame},
		{"channel of four bytes", "92ce00000001", BadFrame},
		{"payload is a str", "9200a161", BadFrame},
		{"payload too long", "9201c600010000", BadFrame},
		{"control is cut", "9200c40293a1", BadControl},
		{"control is nothing", "9200c401c1", BadControl},
		{"control too deep", "9200c412" + strings.Repeat("91", 17) + "c0", BadControl},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPeer(t)
			p.opened(1)
			n, _ := p.Open(now, "sip")
			wire, err := hex.DecodeString(tt.wire)
			if err != nil {
				t.Fatal(err)
			}
			for i := range wire {
				p.Handle(now, wire[i:i+1])
			}
			p.check(text(p.Effects(nil)), fmt.Sprintf("closed 1 %[1]s; closed %[2]d %[1]s; ended %[1]s", tt.reason.String(), n))
			if got := p.Stats(); got.Ends[tt.reason] != 3 {
				t.Errorf("stats %+v", got)
			}
			if _, err := p.Open(now, "sip"); !errors.Is(err, ErrEnded) {
				t.Error(err)
			}
			if _, err := p.Write(1, []byte("x")); !errors.Is(err, ErrUnknown) {
				t.Error(err)
			}
			p.End(Local)
			p.Close(1)
			p.Consumed(1, 1)
			p.Beacon(now)
			p.Tick(now.Add(time.Hour))
			if n := p.Handle(now, []byte("anything")); n != 8 {
				t.Errorf("took %d bytes", n)
			}
			p.check(text(p.Effects(nil)), "")
		})
	}
	for _, wire := range []string{"9201c4", "9201c50001", "92cc01c60000", "92cd0001c600000001"} {
		p := newPeer(t)
		b, _ := hex.DecodeString(wire)
		p.Handle(now, b)
		p.check(text(p.Effects(nil)), "")
	}
}

func TestBacklog(t *testing.T) {
	p := newPeer(t)
	flood := bytes.Repeat(AppendFrame(nil, Protocol, appendBeacon(nil, true)), 1000)
	for range 100 {
		p.Handle(now, flood)
	}
	p.check(text(p.Effects(nil)), "ended the peer reads no answers")
	if p.Pending() > MaxBacklog+len(flood) {
		t.Errorf("%d bytes wait", p.Pending())
	}
	p.End(StreamEnd)
	p.check(text(p.Effects(nil)), "")
}

func TestWriteWaitsForOutput(t *testing.T) {
	p := newPeer(t)
	p.opened(1)
	big := make([]byte, 1<<20)
	n, err := p.Write(1, big)
	if n != MaxPayload || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := p.Write(1, big); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	out := p.Output(nil)
	if !bytes.HasPrefix(out, []byte{0x92, 0x01, 0xc5, 0xff, 0xff}) || len(out) != MaxPayload+5 {
		t.Errorf("%d bytes, %x", len(out), out[:8])
	}
	if n, _ := p.Write(1, big[:3]); n != 3 {
		t.Error("no room after Output")
	}
}
