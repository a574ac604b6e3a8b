package channel

import (
	"testing"
	"time"
)

// flood offers frames on a channel until the session holds back the stream, and
// returns how many bytes of data it handed over.
func flood(t *testing.T, p peer, number uint16, most int) (data int) {
	t.Helper()
	wire := AppendFrame(nil, number, make([]byte, MaxPayload))
	rest := make([]byte, p.left) // of the frame at which it was blocked
	for data < most && !p.Blocked() && !p.ended {
		wire := wire
		if len(rest) > 0 {
			wire, rest = rest, nil
		}
		n := p.Handle(now, wire)
		if (n < len(wire)) != p.Blocked() {
			t.Fatalf("took %d of %d bytes, blocked %v", n, len(wire), p.Blocked())
		}
		for _, e := range p.Effects(nil) {
			data += len(e.Data)
		}
	}
	return data
}

func TestSlowReaderHoldsBackTheStreamForAWhile(t *testing.T) {
	p := newPeer(t)
	p.opened(1)
	p.opened(2)
	if got := flood(t, p, 1, 1<<30); got != Window {
		t.Errorf("handed over %d bytes, want %d", got, Window)
	}
	if n := p.Handle(now, []byte("x")); n != 0 {
		t.Errorf("took %d bytes while blocked", n)
	}
	// It reads: the stream goes on once half of the window is free.
	p.Consumed(1, Window/2-1)
	if !p.Blocked() {
		t.Error("crumbs unblock")
	}
	p.Consumed(1, 1)
	if p.Blocked() {
		t.Error("still blocked")
	}
	if got := flood(t, p, 1, 1<<30); got > Window/2 {
		t.Errorf("handed over %d bytes", got)
	}
	// It does not read.
	if got := p.NextDeadline(); got != now.Add(StallLimit) {
		t.Errorf("deadline %v", got)
	}
	p.Tick(now.Add(StallLimit - 1))
	p.check(text(p.Effects(nil)), "")
	p.Tick(now.Add(StallLimit))
	p.check(text(p.Effects(nil)), "closed 1 reader too slow")
	p.wants("9201c400")
	if p.Blocked() || p.unread != 0 {
		t.Errorf("blocked %v, %d bytes unread", p.Blocked(), p.unread)
	}
	// What else comes for it is dropped, the other channel lives.
	p.Handle(now, make([]byte, p.left))
	p.check(text(p.Effects(nil)), "")
	p.check(p.says(now, 2, []byte("hello")), `data 2 "hello"`)
	p.Close(1)
	p.wants("")
	if got := p.Stats(); got.Ends[Slow] != 1 || got.Held != 2 {
		t.Errorf("stats %+v", got)
	}
}

func TestWindowOfAllChannels(t *testing.T) {
	p := newPeer(t)
	const full = MaxUnread / Window
	for n := range uint16(full + 1) {
		p.opened(1 + n)
	}
	for n := range uint16(full) {
		if got := flood(t, p, 1+n, Window-MaxPayload); p.Blocked() {
			t.Fatalf("blocked after %d bytes", got)
		}
	}
	// The peer closes one that holds most of what is unread; it still counts.
	p.check(p.says(now, 2, nil), "closed 2 closed by the peer")
	flood(t, p, full+1, 1<<30)
	if !p.Blocked() || p.unread != MaxUnread {
		t.Fatalf("blocked %v with %d bytes", p.Blocked(), p.unread)
	}
	p.Tick(now.Add(StallLimit))
	p.check(text(p.Effects(nil)), "closed 1 reader too slow")
	if p.Blocked() {
		t.Error("still blocked")
	}
	for n := range uint16(full + 1) {
		p.Close(1 + n)
	}
	if p.unread != 0 || len(p.channels) != 0 || p.byUs != 0 {
		t.Errorf("%d bytes unread, %d channels", p.unread, len(p.channels))
	}
}

func TestCloseUnblocks(t *testing.T) {
	for _, close := range []func(peer){
		func(p peer) { p.Close(1) },
		func(p peer) { p.End(Local) },
	} {
		p := newPeer(t)
		p.opened(1)
		flood(t, p, 1, 1<<30)
		close(p)
		if p.Blocked() {
			t.Error("blocked by a closed channel")
		}
	}
}

// A stream that we hold back is no dead peer.
func TestNoBeaconWhileBlocked(t *testing.T) {
	p := newPeer(t)
	p.opened(1)
	at := now.Add(BeaconAfter)
	p.Tick(at)
	p.wants("92cdffffc40481a170c3")
	flood(t, p, 1, 1<<30)
	p.Beacon(at)
	p.wants("")
	at = now.Add(StallLimit)
	p.Tick(at)
	p.wants("9201c400")
	if got := p.NextDeadline(); got != at.Add(BeaconAfter) {
		t.Errorf("deadline %v", got.Sub(at))
	}
}

func TestDataDoesNotAllocate(t *testing.T) {
	p := newPeer(t)
	p.opened(1)
	in := AppendFrame(nil, 1, make([]byte, 1000))
	var effects []Effect
	var out []byte
	at := now
	allocs := testing.AllocsPerRun(100, func() {
		at = at.Add(time.Millisecond)
		p.Handle(at, in)
		effects = p.Effects(effects[:0])
		p.Consumed(1, 1000)
		p.Write(1, in)
		out = p.Output(out)
	})
	if allocs > 0 {
		t.Errorf("%v allocations per frame", allocs)
	}
}
