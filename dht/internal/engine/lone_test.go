package engine

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// lone is one engine to which a test speaks as whoever it likes.
type lone struct {
	*Engine
	t      testing.TB
	at     time.Time
	output Output
	sent   []datagram // since the last take
	told   []Effect   // what is not a packet, since the start
	hold   bool       // leave signature checks open

	friends map[netip.AddrPort]infohash.Hash // answer every request while time passes
}

func newLone(t testing.TB, change func(*Config)) *lone {
	t.Helper()
	cfg := Config{ID: infohash.SumString("lone"), IPv4: true}
	if change != nil {
		change(&cfg)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seed := [32]byte{1}
	e, err := New(at, cfg, rand.New(rand.NewChaCha8(seed)), rand.NewChaCha8(seed))
	if err != nil {
		t.Fatal(err)
	}
	return &lone{Engine: e, t: t, at: at, friends: make(map[netip.AddrPort]infohash.Hash)}
}

// handle gives the engine a datagram and returns what it sends at once.
func (l *lone) handle(from netip.AddrPort, p []byte) []datagram {
	before := len(l.sent)
	l.Handle(l.at, from, p)
	l.drain()
	return l.sent[before:]
}

// pass lets time pass and returns what the engine sends meanwhile.
func (l *lone) pass(d time.Duration) []datagram {
	before := len(l.sent)
	end := l.at.Add(d)
	for next := l.NextDeadline(); !next.IsZero() && !next.After(end); next = l.NextDeadline() {
		if next.After(l.at) {
			l.at = next
		}
		seen := len(l.sent)
		l.Tick(l.at)
		l.drain()
		for ; seen < len(l.sent); seen++ {
			g := l.sent[seen]
			if id, ok := l.friends[g.to]; ok && parse(l.t, g.data).Kind == wire.Request {
				l.reply(g.to, id, g.data)
			}
		}
	}
	l.at = end
	return l.sent[before:]
}

func (l *lone) drain() {
	for again := true; again; {
		again = false
		l.Swap(&l.output)
		for _, x := range l.output.Effects {
			switch x.Kind {
			case Send:
				l.sent = append(l.sent, datagram{at: l.at, to: x.To, data: slices.Clone(x.Packet)})
			case Verify:
				if !l.hold {
					l.Verified(l.at, x.Ticket, value.Verify(x.Value) == nil)
					again = true
				}
				l.told = append(l.told, x)
			default:
				l.told = append(l.told, x)
			}
		}
	}
}

// count counts the effects of a kind.
func (l *lone) count(kind EffectKind) (n int) {
	for _, x := range l.told {
		if x.Kind == kind {
			n++
		}
	}
	return n
}

// ask sends a request and returns the first datagram that comes back to its sender.
func (l *lone) ask(from netip.AddrPort, m wire.Message) wire.Message {
	l.t.Helper()
	m.Kind = wire.Request
	for _, g := range l.handle(from, m.Append(nil)) {
		if g.to == from {
			return parse(l.t, g.data)
		}
	}
	l.t.Fatalf("no answer to %+v", m)
	return wire.Message{}
}

// befriend makes nodes known that answer whatever they are asked.
func (l *lone) befriend(addr netip.AddrPort, id infohash.Hash) {
	l.friends[addr] = id
	for range 2 {
		// The engine may ask back at once or after a while.
		m := wire.Message{Kind: wire.Request, Method: wire.Ping, TID: 1, ID: id}
		for _, g := range slices.Clone(l.handle(addr, m.Append(nil))) {
			if g.to == addr && parse(l.t, g.data).Kind == wire.Request {
				l.reply(addr, id, g.data)
			}
		}
	}
	l.pass(time.Second)
}

// reply answers a request of the engine with nothing but an id and a token.
func (l *lone) reply(from netip.AddrPort, id infohash.Hash, request []byte) []datagram {
	m := parse(l.t, request)
	return l.handle(from, (&wire.Message{Kind: wire.Reply, TID: m.TID, ID: id, Token: []byte("token")}).Append(nil))
}

// own stores a value as the node's own, beyond all quotas.
func (l *lone) own(key infohash.Hash, v *value.Value) {
	l.store.Commit(l.at, storage.Put{Key: key, Value: v, Own: true, Permanent: true})
}

func parse(t testing.TB, p []byte) wire.Message {
	t.Helper()
	var m wire.Message
	if err := m.Parse(p); err != nil {
		t.Fatal(err)
	}
	return m
}

// public returns the i-th address, in a /24 of its own.
func public(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i>>16), byte(i >> 8), byte(i), 7}), 4222)
}
