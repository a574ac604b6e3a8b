package channel

import (
	"fmt"
	"testing"
	"time"
)

// process runs a session, unless it stands still from one moment to another: then
// nothing is read, and no timer runs.
type process struct {
	*Session
	from, to time.Time
	wire     []byte // not read yet
	due      time.Time
}

func (p *process) stands(at time.Time) bool { return !at.Before(p.from) && at.Before(p.to) }

// set sets the timer, which waits for a beat where drivers let it.
func (p *process) set(at time.Time, beat time.Duration) {
	p.due = p.NextDeadline()
	if p.due.Sub(at) >= 10*time.Second {
		p.due = p.due.Truncate(beat).Add(beat)
	}
}

// wakes returns when the process has something to do, if nothing comes in.
func (p *process) wakes(at time.Time) time.Time {
	switch {
	case p.stands(at):
		return p.to
	case len(p.wire) > 0:
		return at
	}
	return p.due
}

// run lets two processes talk for a while, and returns why the session of each has
// ended, or Local, and when the first has. Timers run before anything is read, which
// is the worst case.
func run(client, server *process, until time.Time) (ends [2]Reason, ended time.Time) {
	const step = 100 * time.Millisecond // there and back take two
	both, beats := []*process{client, server}, []time.Duration{time.Second, 4 * time.Second}
	for at := now; at.Before(until) && !client.ended; {
		for i, p := range both {
			if p.stands(at) || p.ended {
				continue
			}
			if !at.Before(p.due) {
				p.Tick(at)
			}
			if len(p.wire) > 0 {
				p.Handle(at, p.wire)
				p.wire = nil
			}
			p.set(at, beats[i])
			other := both[1-i]
			other.wire = append(other.wire, p.Output(nil)...)
			for _, e := range p.Effects(nil) {
				if e.Kind == Ended {
					other.End(StreamEnd)
					ends[i], ends[1-i], ended = e.Reason, StreamEnd, at
				}
			}
		}
		next := client.wakes(at)
		if t := server.wakes(at); t.Before(next) {
			next = t
		}
		for at = at.Add(step); at.Before(next); {
			at = at.Add(step)
		}
	}
	return ends, ended
}

// TestStall lets processes stand still, at every moment of the life of a connection
// at rest, for every while: nobody takes a peer for silent who runs, whatever was
// awaited while we stood still ourselves.
func TestStall(t *testing.T) {
	const rest = 30 * time.Second // longer than a connection is silent
	for _, stall := range []time.Duration{1, 2, 3, 4, 5, 10, 30, 60} {
		stall *= time.Second
		for _, standing := range []struct {
			client, server bool
			lost           bool // may the connection be, because the one who runs has waited long enough
		}{{client: true, lost: true}, {server: true, lost: true}, {client: true, server: true}} {
			t.Run(fmt.Sprintf("%v client=%v server=%v", stall, standing.client, standing.server), func(t *testing.T) {
				losses := 0
				for offset := time.Duration(0); offset < rest; offset += 100 * time.Millisecond {
					client, server := &process{Session: New(now, true)}, &process{Session: New(now, false)}
					begin := now.Add(rest + offset)
					if standing.client {
						client.from, client.to = begin, begin.Add(stall)
					}
					if standing.server {
						server.from, server.to = begin, begin.Add(stall)
					}
					ends, ended := run(client, server, begin.Add(stall+rest))
					if ends == [2]Reason{} {
						continue
					}
					losses++
					if took := ended.Sub(begin); took > 30*time.Second {
						t.Errorf("noticed after %v", took)
					}
					var want [2]Reason // who stands still is left, and leaves nobody
					if want = [2]Reason{StreamEnd, Silent}; standing.server {
						want = [2]Reason{Silent, StreamEnd}
					}
					if ends != want || !standing.lost || stall < BeaconTimeout {
						t.Fatalf("lost after %v: client %v, server %v", offset, ends[0], ends[1])
					}
				}
				if standing.lost && stall > BeaconAfter+ClientWait && losses == 0 {
					t.Error("nobody notices that the peer stands still")
				}
			})
		}
	}
}

// TestStallOfTheReader: neither an answer nor room for more is missed because we
// stood still.
func TestStallOfTheReader(t *testing.T) {
	p := newPeer(t)
	number, err := p.Open(now, "sip")
	if err != nil {
		t.Fatal(err)
	}
	at := now.Add(AnswerLimit + time.Minute)
	p.Tick(at)
	p.check(p.says(at, Control, appendRequest(nil, "sip", number, stateAccept)), "open 32768")
	p.says(at, number, make([]byte, MaxPayload))
	for wire := AppendFrame(nil, number, make([]byte, MaxPayload)); !p.Blocked(); {
		p.Handle(at, wire)
	}
	p.Effects(nil)
	at = at.Add(StallLimit + time.Minute)
	p.Tick(at)
	p.check(text(p.Effects(nil)), "")
	p.Consumed(number, Window)
	if p.Blocked() {
		t.Error("it is blocked with everything read")
	}

	s := New(now, true)
	at = s.NextDeadline().Add(time.Minute)
	s.Tick(at)
	at = s.NextDeadline()
	if got := text(s.Effects(nil)); got != "" || at.Sub(now) > 2*time.Minute {
		t.Errorf("%s, next at %v", got, at)
	}
	s.Tick(at)
	if got := text(s.Effects(nil)); got != "ended the peer is silent" {
		t.Errorf("a peer that never says a word: %q", got)
	}
}
