package contact

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func newList(snapshot Snapshot) *List {
	return New(start, named("me"), snapshot, rand.New(rand.NewPCG(1, 2)))
}

func stranger(i int) Message {
	name := fmt.Sprintf("stranger %d", i)
	return Message{From: named(name), Device: named(name + "/phone"), Payload: []byte("hi")}
}

// flood sends requests of n strangers, a second apart, and returns how many of
// them asked for attention.
func flood(l *List, from, n int) (loud int) {
	for i := range n {
		l.Receive(start.Add(time.Duration(from+i)*time.Second), stranger(from+i))
		for _, e := range l.Effects(nil) {
			if received, ok := e.(RequestReceived); ok && !received.Request.Quiet {
				loud++
			}
		}
	}
	return loud
}

func TestRequestFlood(t *testing.T) {
	l := newList(Snapshot{})
	friend := Message{From: named("friend"), Payload: []byte("code correct-horse-battery-staple")}
	if err := l.SetPolicy(Policy{Codes: []string{"correct-horse-battery-staple"}}); err != nil {
		t.Fatal(err)
	}
	if got := flood(l, 0, 3*MaxPending); got != maxLoud {
		t.Errorf("%d requests asked for attention, want %d", got, maxLoud)
	}
	l.See(stranger(3*MaxPending-1).From, stranger(3*MaxPending-2).From)
	if got := l.Receive(start, friend); got != Pending {
		t.Errorf("the approved request is %s", got)
	}
	flood(l, 3*MaxPending, MaxPending)
	requests := l.Requests()
	if len(requests) != MaxPending {
		t.Errorf("%d requests are pending, want %d", len(requests), MaxPending)
	}
	if r, ok := l.Request(friend.From); !ok || r.Quiet {
		t.Errorf("the approved request is %+v, %t", r, ok)
	}
	if _, ok := l.Request(stranger(3*MaxPending - 1).From); !ok {
		t.Error("a request that the user has looked at was dropped")
	}
	if _, ok := l.Request(stranger(4*MaxPending - 1).From); !ok {
		t.Error("the newest request was dropped")
	}
}

func TestPendingBytes(t *testing.T) {
	l := newList(Snapshot{})
	payload := []byte(strings.Repeat("x", MaxPayload))
	for i := range 400 {
		m := stranger(i)
		m.Payload = payload
		l.Receive(start.Add(time.Duration(i)*time.Second), m)
		if l.pending.bytes > maxPendingBytes {
			t.Fatalf("%d requests hold %d bytes, want at most %d", i+1, l.pending.bytes, maxPendingBytes)
		}
	}
	m := stranger(1000)
	m.Payload = append(payload, 'x')
	l.Receive(start.Add(time.Hour), m)
	if r, ok := l.Request(m.From); !ok || len(r.Payload) != 0 {
		t.Errorf("request with a payload over the limit: %t, %d bytes kept", ok, len(r.Payload))
	}
}

func TestSeenRequestsStay(t *testing.T) {
	l := newList(Snapshot{})
	flood(l, 0, MaxPending)
	for _, r := range l.Requests() {
		l.See(r.From)
	}
	if got := l.Receive(start, stranger(MaxPending)); got != Overflow {
		t.Errorf("one more request is %s, want %s", got, Overflow)
	}
}

func TestDecisionsAreBounded(t *testing.T) {
	l := newList(Snapshot{})
	deleted := 0
	for i := range maxDecisions + 10 {
		m := stranger(i)
		l.Receive(start.Add(time.Duration(i)*time.Second), m)
		l.Discard(start.Add(time.Duration(i)*time.Second), m.From)
		for _, e := range l.Effects(nil) {
			if _, ok := e.(DeleteDecision); ok {
				deleted++
			}
		}
	}
	if n := len(l.decided.byPeer); n > maxDecisions || n+deleted != maxDecisions+10 {
		t.Errorf("%d accounts remembered, %d deleted", n, deleted)
	}
	now := start.Add(time.Duration(maxDecisions+10) * time.Second)
	if got := l.Receive(now, stranger(maxDecisions+9)); got != Decided {
		t.Errorf("the last discarded request is %s", got)
	}
	if got := l.Receive(now, stranger(0)); got != Pending {
		t.Errorf("the oldest discarded request is %s", got)
	}
}

func TestDigestsAreBounded(t *testing.T) {
	l := newList(Snapshot{})
	for i := range 3 * maxDigests {
		m := Message{From: named("bob"), Payload: fmt.Append(nil, i)}
		if got := l.Receive(start, m); got != Pending {
			t.Fatalf("request %d is %s", i, got)
		}
		l.Discard(start, m.From)
	}
	if n := len(l.decided.byPeer[named("bob")].Digests); n != maxDigests {
		t.Errorf("%d digests remembered, want %d", n, maxDigests)
	}
}

func TestRecipientsAreBounded(t *testing.T) {
	l := newList(Snapshot{})
	if err := l.Send(start, named("bob"), nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxRecipients {
		l.DeviceUp(start, named("bob"), named(fmt.Sprint("bob/", i)))
	}
	if n := len(l.Outgoing()[0].Deliveries); n != maxRecipients {
		t.Errorf("%d recipients, want %d", n, maxRecipients)
	}
}

func TestPayloadLimit(t *testing.T) {
	l := newList(Snapshot{})
	if err := l.Send(start, named("bob"), make([]byte, MaxPayload+1)); err != ErrPayload {
		t.Errorf("error %v, want %v", err, ErrPayload)
	}
	if effects := l.Effects(nil); len(effects) > 0 {
		t.Errorf("a refused request has effects: %v", effects)
	}
}

func TestPolicyValidate(t *testing.T) {
	err := Policy{Mode: 9, Codes: []string{"short", "also short"}}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("want three mistakes, got %v", err)
	}
}

// A start with many requests under way must not put them all at once.
func TestRestartSpreadsPuts(t *testing.T) {
	var snapshot Snapshot
	for i := range 100 {
		snapshot.Outgoing = append(snapshot.Outgoing, Outgoing{
			Peer: stranger(i).From, Sent: start.UnixMilli(), Deliveries: []Delivery{{Device: stranger(i).Device, ValueID: 1}},
		})
	}
	l := newList(snapshot)
	l.Tick(start.Add(restartSpread / 2))
	puts := 0
	for _, e := range l.Effects(nil) {
		if _, ok := e.(Put); ok {
			puts++
		}
	}
	if puts < 25 || puts > 75 {
		t.Errorf("%d of 100 puts in the first half of the time", puts)
	}
}
