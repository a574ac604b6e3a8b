package engine

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
	"rollcall/internal/msgpack"
)

// loaded returns a node of both families that knows enough neighbours to fill
// every list of nodes, and stores what makes its answers as large as they get:
// a key whose values just fit into one datagram, one with a large value, one
// with many.
func loaded(t *testing.T) *lone {
	l := newLone(t, func(c *Config) { c.IPv6 = true })
	for i := range 40 {
		id := infohash.SumString(fmt.Sprint("node ", i))
		l.befriend(public(i), id)
		ip6 := netip.AddrFrom16([16]byte{0x20, 1, byte(i), 6, 15: 1})
		l.befriend(netip.AddrPortFrom(ip6, 4222), id)
	}
	for _, f := range l.Info(l.at).Families {
		if f.Nodes.Good < closestNodes {
			t.Fatalf("only %d good nodes", f.Nodes.Good)
		}
	}
	l.own(infohash.SumString("inline"), &value.Value{ID: 1, Data: make([]byte, 560)})
	l.own(infohash.SumString("large"), &value.Value{ID: 1, Data: make([]byte, 60000)})
	for i := range uint64(2000) {
		l.own(infohash.SumString("many"), &value.Value{ID: i + 1, Data: make([]byte, 300)})
	}
	l.pass(10 * time.Second)
	l.sent = nil
	return l
}

type forgery struct {
	name   string
	packet []byte
}

// forged returns the requests that a forged source may send, each as short as it
// can be, all with one id or each with its own.
func forged(oneID bool) (requests []forgery) {
	add := func(name string, m wire.Message) {
		m.Kind, m.ID = wire.Request, infohash.SumString("forger")
		if !oneID {
			m.ID = infohash.SumString(name)
		}
		requests = append(requests, forgery{name, terse(m.Append(nil))})
	}
	everything := value.Query{Select: []value.Field{value.FieldID, value.FieldOwner, value.FieldSeq}}
	all := everything.Append(nil)
	both := wire.WantGiven | wire.WantIPv4 | wire.WantIPv6
	add("ping", wire.Message{Method: wire.Ping})
	add("find", wire.Message{Method: wire.Find, Key: infohash.SumString("any")})
	add("find both", wire.Message{Method: wire.Find, Key: infohash.SumString("any"), Want: both})
	for _, name := range []string{"none", "inline", "large", "many"} {
		key := infohash.SumString(name)
		add("get "+name, wire.Message{Method: wire.Get, Key: key})
		add("get both "+name, wire.Message{Method: wire.Get, Key: key, Want: both})
		add("get fields "+name, wire.Message{Method: wire.Get, Key: key, Query: all})
		add("get fields both "+name, wire.Message{Method: wire.Get, Key: key, Query: all, Want: both})
		token := make([]byte, 32)
		add("refresh "+name, wire.Message{Method: wire.Refresh, Key: key, VID: 1, Token: token})
		add("listen "+name, wire.Message{Method: wire.Listen, Key: key, Version: 1, SID: 9, Token: token})
		values := []wire.Value{{Raw: (&value.Value{ID: 1}).Append(nil)}, {Raw: (&value.Value{ID: 2}).Append(nil)}}
		add("put "+name, wire.Message{Method: wire.Put, Key: key, Values: values, Token: token})
		add("put parts "+name, wire.Message{Method: wire.Put, Key: key, Values: []wire.Value{{Size: 3000}}, Token: token})
	}
	add("update", wire.Message{Method: wire.Update, SID: 1, Refreshed: []uint64{1}})
	return requests
}

// terse leaves out of a packet what a peer does not need.
func terse(p []byte) []byte {
	r := msgpack.NewReader(p)
	var out []byte
	n := 0
	for range r.Map() {
		key := string(r.Str())
		body := r.Raw()
		if key == "a" || key == "q" {
			out = append(msgpack.AppendString(out, key), body...)
			n++
		}
	}
	return append(msgpack.AppendMap(nil, n), out...)
}

// maxAmplification is how many bytes a request of an unproven source may cost
// for each of its own, headers of IP and UDP not counted.
const maxAmplification = 18

func TestAnUnprovenSourceGetsOneDatagram(t *testing.T) {
	for _, oneID := range []bool{false, true} {
		l := loaded(t)
		for i, x := range forged(oneID) {
			t.Run(fmt.Sprintf("%s, one id %v", x.name, oneID), func(t *testing.T) { l.forge(t, public(10000+i), x.packet) })
		}
	}
}

// forge sends p from an address that has proved nothing, and holds what goes
// there within half a minute to the limits.
func (l *lone) forge(t *testing.T, from netip.AddrPort, p []byte) {
	datagrams, bytes := 0, 0
	for _, g := range append(l.handle(from, p), l.pass(30*time.Second)...) {
		if _, friend := l.friends[g.to]; friend {
			continue
		}
		if g.to != from {
			t.Errorf("a datagram to %v", g.to)
		}
		datagrams++
		bytes += len(g.data)
	}
	if datagrams > 1 {
		t.Errorf("%d datagrams for one", datagrams)
	}
	if bytes > maxAmplification*len(p) {
		t.Errorf("%d bytes for %d, %.1f times as many", bytes, len(p), float64(bytes)/float64(len(p)))
	}
}

func TestALargeAnswerWaitsForASignOfLife(t *testing.T) {
	l := loaded(t)
	from, id := public(10000), infohash.SumString("asker")
	get := (&wire.Message{Kind: wire.Request, Method: wire.Get, TID: 77, ID: id, Key: infohash.SumString("large")}).Append(nil)
	sent := l.handle(from, get)
	if len(sent) != 1 || parse(t, sent[0].data).Method != wire.Ping {
		t.Fatalf("%d datagrams, want one ping", len(sent))
	}
	ping := sent[0].data
	if again := l.handle(from, get); len(again) > 0 {
		t.Errorf("the repeated request is answered with %d datagrams while its answer waits", len(again))
	}
	t.Run("to who asked", func(t *testing.T) {
		if stolen := l.reply(public(10001), id, ping); len(stolen) > 0 {
			t.Fatalf("the answer of another address sets %d datagrams free", len(stolen))
		}
		got := l.reply(from, id, ping)
		if len(got) < 48 || parse(t, got[0].data).TID != 77 || parse(t, got[1].data).Kind != wire.Part {
			t.Fatalf("%d datagrams, want the answer", len(got))
		}
		answers := 0
		for _, g := range got {
			if g.to != from {
				t.Errorf("a datagram to %v", g.to)
			}
			if parse(t, g.data).Kind == wire.Reply {
				answers++
			}
		}
		if answers != 1 {
			t.Errorf("%d answers to one request", answers)
		}
		if got := l.handle(from, get); len(got) < 48 {
			t.Errorf("%d datagrams for an address that has proved itself, want the answer", len(got))
		}
	})
	t.Run("in time", func(t *testing.T) {
		late := public(10002)
		sent := l.handle(late, get)
		l.pass(deferredLife + time.Millisecond)
		if got := l.reply(late, id, sent[0].data); len(got) > 0 {
			t.Errorf("%d datagrams after the answer's time", len(got))
		}
		if len(l.deferred.byAddr) > 0 || l.deferred.count != 0 {
			t.Errorf("%d answers still wait", l.deferred.count)
		}
	})
}

func TestWaitingAnswersAreBounded(t *testing.T) {
	l := loaded(t)
	kind := string(make([]byte, 5000))
	l.own(infohash.SumString("typed"), &value.Value{ID: 1, Data: make([]byte, 1000), UserType: kind})
	query := value.Query{Where: []value.Condition{value.WhereUserType(kind)}}
	get := wire.Message{Kind: wire.Request, Method: wire.Get, Key: infohash.SumString("typed"), ID: infohash.SumString("asker")}
	for tid := range uint32(2 * maxDeferredPerAddress) {
		get.TID = tid
		get.Query = nil
		l.handle(public(10000), get.Append(nil))
		get.Query = query.Append(nil)
		l.handle(public(10001), get.Append(nil))
	}
	if n := len(l.deferred.byAddr[public(10000)]); n != maxDeferredPerAddress {
		t.Errorf("%d answers wait for one address, want %d", n, maxDeferredPerAddress)
	}
	if n := len(l.deferred.byAddr[public(10001)]); n > 0 {
		t.Errorf("%d requests of %d bytes are kept", n, len(get.Query))
	}
	get.Query = nil
	for i := range 4 * maxDeferred {
		get.ID = infohash.SumString(fmt.Sprint("asker ", i))
		l.handle(public(20000+i), get.Append(nil))
	}
	if l.deferred.count != maxDeferred {
		t.Errorf("%d answers wait, want %d", l.deferred.count, maxDeferred)
	}
	l.pass(2 * deferredLife)
	if l.deferred.count != 0 || len(l.deferred.byAddr) != 0 {
		t.Errorf("%d answers still wait", l.deferred.count)
	}
}
