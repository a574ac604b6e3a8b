package engine

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
	"rollcall/internal/msgpack"
)

// packets returns the datagrams that peers have sent, as package wire knows them.
func packets(tb testing.TB) (all [][]byte) {
	tb.Helper()
	text, err := os.ReadFile("../wire/testdata/packets.json")
	if err != nil {
		tb.Fatal(err)
	}
	var list []struct{ Hex string }
	if err := json.Unmarshal(text, &list); err != nil {
		tb.Fatal(err)
	}
	for _, x := range list {
		p, err := hex.DecodeString(x.Hex)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// busy returns an engine in the middle of things: it has neighbours, stores
// values, has listeners, and runs a get, a put and a listen on one key.
func busy(tb testing.TB) *lone {
	l := newLone(tb, func(c *Config) { c.RateLimit.Off = true })
	for i := range 10 {
		l.befriend(public(i), infohash.SumString(fmt.Sprint("node ", i)))
	}
	key := l.id
	for i := range uint64(5) {
		l.putFrom(public(1), infohash.SumString("node 1"), key, (&value.Value{ID: i + 1, Data: make([]byte, 300)}).Append(nil))
	}
	listen := wire.Message{Method: wire.Listen, TID: 3, ID: infohash.SumString("node 2"), Key: key, SID: 7, Version: 1}
	listen.Token = l.tokens.Append(nil, l.at, public(2))
	l.ask(public(2), listen)
	l.Get(l.at, infohash.SumString("busy"), value.Query{})
	l.Put(l.at, Put{Key: infohash.SumString("busy"), Value: &value.Value{ID: 9, Data: make([]byte, 2000)}, Permanent: true})
	l.Listen(l.at, infohash.SumString("busy"), value.Query{})
	l.drain()
	l.pass(3 * time.Second)
	return l
}

// FuzzHandle feeds a busy engine a datagram from each of three sources: a
// neighbour, one who has a token, and one who has proved nothing.
func FuzzHandle(f *testing.F) {
	for _, p := range packets(f) {
		f.Add(p)
	}
	l := busy(f)
	fresh := 1 << 16
	f.Fuzz(func(t *testing.T, p []byte) {
		l.t = t
		fresh++
		stranger := public(fresh)
		before := l.Info(l.at)
		for _, from := range []netip.AddrPort{stranger, public(1), public(50)} {
			l.sent = l.sent[:0]
			l.handle(from, p)
			l.checkSent()
			to := 0
			for _, g := range l.sent {
				if g.to == stranger {
					to++
				}
			}
			if from == stranger && to > 1 {
				t.Fatalf("%d datagrams to an address that has proved nothing", to)
			}
		}
		l.pass(100 * time.Millisecond)
		l.checkSent()
		l.checkBounds()
		if after := l.Info(l.at); after.Storage.Bytes > before.Storage.Bytes+3*(len(p)+400) {
			t.Fatalf("%d bytes are stored for %d", after.Storage.Bytes-before.Storage.Bytes, len(p))
		}
		l.sent, l.told = l.sent[:0], l.told[:0]
	})
}

// checkSent holds that everything sent can be read by a peer.
func (l *lone) checkSent() {
	l.t.Helper()
	for _, g := range l.sent {
		m := parse(l.t, g.data)
		if m.Kind == wire.Reply && m.ID != l.id || m.Kind == wire.Request && m.ID != l.id {
			l.t.Fatalf("sent in the name of %v", m.ID)
		}
	}
}

// checkBounds holds what the engine keeps to its limits.
func (l *lone) checkBounds() {
	l.t.Helper()
	info := l.Info(l.at)
	messages, bytes := l.parts.Pending()
	for what, bad := range map[string]bool{
		"requests":  info.Pending > maxRequests,
		"nodes":     info.Families[0].Known > 4096,
		"strangers": len(l.families[0].strangers) > maxStrangers,
		"checks":    len(l.checks.pending) > maxChecks || l.checks.bytes > maxCheckBytes,
		"deferred":  l.deferred.count > maxDeferred,
		"proven":    len(l.proven.young) > maxProven,
		"pushes":    l.pushing.count > maxPushes || l.pushing.bytes > maxPushBytes || l.pushing.count < 0 || l.pushing.bytes < 0,
		"parts":     messages > 4096 || bytes > 40<<20,
		"lost":      len(l.lost) > maxLost,
	} {
		if bad {
			l.t.Fatalf("too many %s", what)
		}
	}
}

// FuzzReplies answers the requests of a get, a put and a listen with replies made
// of the fuzzed bytes: as the body, in place of the values, and as what changes
// single bytes of a sound reply.
func FuzzReplies(f *testing.F) {
	for _, p := range packets(f) {
		f.Add(p)
		var m wire.Message
		if m.Parse(p) == nil {
			for _, v := range m.Values {
				f.Add(v.Raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		l := newLone(t, nil)
		from, id := public(1), infohash.SumString("node 1")
		l.befriend(from, id)
		key := infohash.SumString("key")
		l.Get(l.at, key, value.Query{})
		l.Get(l.at, key, value.Query{Select: []value.Field{value.FieldID, value.FieldOwner}})
		l.Put(l.at, Put{Key: key, Value: &value.Value{ID: 9, Data: make([]byte, 2000)}, Permanent: true})
		l.Listen(l.at, key, value.Query{})
		l.drain()
		delete(l.friends, from)
		for round := range 60 {
			sent := l.sent
			l.sent = nil
			for i, g := range sent {
				if m := parse(t, g.data); m.Kind == wire.Request && g.to == from {
					l.handle(from, mutant(&m, id, p, round+i))
				}
			}
			l.checkSent()
			l.pass(200 * time.Millisecond)
		}
		l.checkBounds()
		l.pass(time.Minute)
		if l.count(Done) < 3 {
			t.Fatalf("%d of 3 operations have ended", l.count(Done))
		}
	})
}

// mutant returns a reply to m with something of p in it.
func mutant(m *wire.Message, id infohash.Hash, p []byte, n int) []byte {
	reply := wire.Message{Kind: wire.Reply, TID: m.TID, ID: id, Token: []byte("token"), VID: m.VID}
	switch n % 5 {
	case 0:
		reply.Values = []wire.Value{{Raw: packedOr(p)}}
	case 1:
		reply.Fields = packedOr(p)
	case 2:
		reply.Nodes4, reply.Nodes6 = p[:len(p)/26*26], p[:len(p)/38*38]
	case 3:
		reply.Values = []wire.Value{{Size: len(p)}, {Size: 3}}
	case 4:
		b := reply.Append(nil)
		for i, x := range p {
			if x&7 == 0 && i < len(b) {
				b[i] ^= x >> 3
			}
		}
		return b
	}
	return reply.Append(nil)
}

// packedOr returns p if it is one well-formed object, else an object that holds it.
func packedOr(p []byte) []byte {
	r := msgpack.NewReader(p)
	r.Skip()
	if r.Err() == nil && len(r.Rest()) == 0 {
		return p
	}
	return msgpack.AppendBin(nil, p)
}
