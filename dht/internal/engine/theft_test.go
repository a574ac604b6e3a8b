package engine

import (
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// where returns the address under which the node of an id is known.
func (l *lone) where(id infohash.Hash) any { return l.families[0].nodes.Get(id).Addr }

func TestARequestDoesNotMoveANode(t *testing.T) {
	l := newLone(t, nil)
	home, elsewhere, id := public(1), public(2), infohash.SumString("victim")
	l.befriend(home, id)
	for _, method := range []wire.Method{wire.Ping, wire.Find, wire.Get, wire.Update} {
		l.handle(elsewhere, (&wire.Message{Kind: wire.Request, Method: method, TID: 5, ID: id, Key: id}).Append(nil))
		l.pass(time.Second)
		if at := l.where(id); at != home {
			t.Fatalf("moved to %v by a request", at)
		}
	}
	reply := wire.Message{Kind: wire.Reply, TID: 5, ID: id, Token: []byte("token")}
	for tid := range uint32(100) {
		reply.TID = tid
		l.handle(elsewhere, reply.Append(nil))
	}
	if at := l.where(id); at != home {
		t.Fatalf("moved to %v by an answer to nothing", at)
	}
	// The node is no longer good, but still nothing has come from there as an answer.
	delete(l.friends, home)
	l.pass(time.Hour)
	l.handle(elsewhere, (&wire.Message{Kind: wire.Request, Method: wire.Ping, TID: 5, ID: id}).Append(nil))
	if at := l.where(id); at != home {
		t.Fatalf("moved to %v by a request", at)
	}
}

func TestAnAnswerCountsFromWhereItWasAskedOnly(t *testing.T) {
	l := newLone(t, nil)
	home, elsewhere, id := public(1), public(2), infohash.SumString("victim")
	l.befriend(home, id)
	op := l.Ping(l.at, home)
	l.drain()
	ping := l.sent[len(l.sent)-1]
	l.reply(elsewhere, infohash.SumString("thief"), ping.data)
	l.reply(elsewhere, id, ping.data)
	if l.count(Done) > 0 || l.where(id) != home || l.Stats().Dropped.Unexpected != 2 {
		t.Fatalf("an answer from elsewhere counts: %+v", l.Stats().Dropped)
	}
	l.reply(home, id, ping.data)
	if done := l.told[len(l.told)-1]; done.Kind != Done || done.Op != op || done.Err != nil {
		t.Fatalf("the answer does not count: %+v", done)
	}
}

func TestAGoodNodeIsNotMovedByAnAnswer(t *testing.T) {
	l := newLone(t, nil)
	home, elsewhere, id := public(1), public(2), infohash.SumString("victim")
	l.befriend(home, id)
	answer := func() {
		l.Ping(l.at, elsewhere)
		l.drain()
		l.reply(elsewhere, id, l.sent[len(l.sent)-1].data)
	}
	for range 5 {
		l.pass(time.Minute)
		answer()
		if at := l.where(id); at != home {
			t.Fatalf("moved to %v while it works where it was", at)
		}
	}
	// Its own address falls silent: a claim from elsewhere is checked there, and
	// believed once the old address has failed.
	delete(l.friends, home)
	l.families[0].nodes.Get(id).Requested = l.at.Add(-2 * strangerPause)
	answer()
	if asked := l.sent[len(l.sent)-1]; asked.to != home {
		t.Fatalf("%v is asked, want %v", asked.to, home)
	}
	l.pass(10 * time.Second)
	answer()
	if at := l.where(id); at != elsewhere {
		t.Fatalf("still at %v, which does not answer", at)
	}
	if n := l.families[0].nodes.Get(id); !n.Good(l.at) {
		t.Error("the node is not good at its new address")
	}
}

func TestOnlyTheStoringNodeReportsToAListen(t *testing.T) {
	l := newLone(t, nil)
	storer, id := public(1), infohash.SumString("storer")
	l.befriend(storer, id)
	l.Listen(l.at, infohash.SumString("key"), value.Query{})
	l.drain()
	var sid uint32
	for _, g := range l.pass(5 * time.Second) {
		if m := parse(t, g.data); m.Method == wire.Listen {
			sid = m.SID
		}
	}
	if sid == 0 {
		t.Fatal("no listen is placed")
	}
	update := wire.Message{Method: wire.Update, TID: 9, SID: sid, Version: 1, Key: infohash.SumString("key"), Token: []byte("token")}
	update.Values = []wire.Value{{Raw: (&value.Value{ID: 1, Data: []byte("x")}).Append(nil)}}
	update.ID = infohash.SumString("thief")
	l.ask(public(2), update)
	l.ask(storer, update)
	update.ID = id
	update.SID++
	l.ask(storer, update)
	update.SID--
	l.ask(public(2), update)
	if l.count(Found) > 0 {
		t.Fatal("a report of who is not listened to counts")
	}
	l.ask(storer, update)
	if l.count(Found) != 1 {
		t.Fatal("the report of the storing node does not count")
	}
}
