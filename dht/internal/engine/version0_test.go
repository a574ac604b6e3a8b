package engine

import (
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// A listener of version 0 gets packets that answer nothing, each once, under its
// socket id (opendht spec 2.9).
func TestAListenerOfVersion0(t *testing.T) {
	l := newLone(t, nil)
	from, id, key := public(1), infohash.SumString("listener"), infohash.SumString("key")
	listen := wire.Message{Method: wire.Listen, TID: 3, ID: id, Key: key, SID: 77}
	listen.Token = l.tokens.Append(nil, l.at, from)
	l.ask(from, listen)
	news := func(sent []datagram) (found []wire.Message) {
		for _, g := range sent {
			if m := parse(t, g.data); g.to == from && m.TID == 77 {
				found = append(found, m)
			}
		}
		return found
	}
	put := func() []datagram {
		return l.putFrom(public(2), infohash.SumString("putter"), key, (&value.Value{ID: 5, Data: []byte("x")}).Append(nil))
	}
	if got := news(put()); len(got) != 1 || got[0].Kind != wire.Reply || len(got[0].Values) != 1 || len(got[0].Token) == 0 {
		t.Errorf("a new value is told by %+v", got)
	}
	if got := news(put()); len(got) != 1 || got[0].Kind != wire.Push || len(got[0].Refreshed) != 1 || got[0].Refreshed[0] != 5 {
		t.Errorf("a value put again is told by %+v", got)
	}
	if got := news(l.pass(9 * time.Minute)); len(got) > 0 {
		t.Errorf("told again: %+v", got)
	}
	l.ask(from, listen)
	if got := news(l.pass(2 * time.Minute)); len(got) != 1 || got[0].Kind != wire.Push || len(got[0].Expired) != 1 {
		t.Errorf("the end of a value is told by %+v", got)
	}
}
