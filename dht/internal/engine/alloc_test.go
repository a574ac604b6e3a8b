package engine

import (
	"fmt"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// servedRequests returns an engine and a request of each kind that it has seen
// before, from a node that it knows.
func servedRequests(tb testing.TB) (*lone, map[string][]byte) {
	l := newLone(tb, func(c *Config) { c.RateLimit.Off = true })
	for i := range 20 {
		l.befriend(public(i), infohash.SumString(fmt.Sprint("node ", i)))
	}
	// Nobody is closer to its own id than the engine, so it stores there.
	from, id, key := public(0), infohash.SumString("node 0"), l.id
	token := l.tokens.Append(nil, l.at, from)
	packed := (&value.Value{ID: 7, Data: make([]byte, 200)}).Append(nil)
	requests := map[string]wire.Message{
		"ping":         {Method: wire.Ping},
		"find":         {Method: wire.Find, Key: key},
		"get hit":      {Method: wire.Get, Key: key},
		"get miss":     {Method: wire.Get, Key: infohash.SumString("nothing")},
		"put repeated": {Method: wire.Put, Key: key, Token: token, Values: []wire.Value{{Raw: packed}}},
		"refresh":      {Method: wire.Refresh, Key: key, Token: token, VID: 7},
		"listen":       {Method: wire.Listen, Key: infohash.SumString("nothing"), Token: token, SID: 3, Version: 1},
	}
	datagrams := make(map[string][]byte)
	for _, name := range []string{"put repeated", "ping", "find", "get hit", "get miss", "refresh", "listen"} {
		m := requests[name]
		m.Kind, m.TID, m.ID = wire.Request, 1, id
		datagrams[name] = m.Append(nil)
		l.handle(from, datagrams[name])
	}
	if values := l.Info(l.at).Storage.Values; values != 1 {
		tb.Fatalf("%d values are stored, want 1", values)
	}
	return l, datagrams
}

func TestAnsweringAllocatesNothing(t *testing.T) {
	l, datagrams := servedRequests(t)
	var out Output
	for name, p := range datagrams {
		allocs := testing.AllocsPerRun(200, func() {
			l.Handle(l.at, public(0), p)
			l.Swap(&out)
			if len(out.Effects) != 1 || out.Effects[0].Kind != Send {
				t.Fatalf("%s: %d effects, want an answer", name, len(out.Effects))
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	l, datagrams := servedRequests(b)
	var out Output
	for _, name := range []string{"ping", "find", "get hit", "get miss", "put repeated", "refresh", "listen"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Handle(l.at, public(0), datagrams[name])
				l.Swap(&out)
			}
		})
	}
}
