package engine

import (
	"net/netip"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// putFrom puts packed values from an address as a peer with a token does.
func (l *lone) putFrom(from netip.AddrPort, id, key infohash.Hash, packed ...[]byte) []datagram {
	m := wire.Message{Kind: wire.Request, Method: wire.Put, TID: 1, ID: id, Key: key}
	m.Token = l.tokens.Append(nil, l.at, from)
	for _, p := range packed {
		m.Values = append(m.Values, wire.Value{Raw: p})
	}
	return l.handle(from, m.Append(nil))
}

func TestSignatureChecksAreBounded(t *testing.T) {
	l := newLone(t, func(c *Config) { c.RateLimit.Off, c.IPv6 = true, true })
	l.hold = true
	key := infohash.SumString("key")
	id := uint64(0)
	flood := func(n int, addr func(i int) netip.AddrPort) {
		for i := range n {
			id++
			l.putFrom(addr(i), infohash.SumString(addr(i).String()), key, forgedValue(t, id, 1).Append(nil))
		}
	}
	flood(2*maxChecksPerOrigin, func(int) netip.AddrPort { return public(1) })
	if n := len(l.checks.pending); n != maxChecksPerOrigin {
		t.Errorf("%d checks for one address, want %d", n, maxChecksPerOrigin)
	}
	// One /64 is in one hand.
	flood(2*maxChecksPerOrigin, func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 14: byte(i >> 8), 15: byte(i)}), 4222)
	})
	if n := len(l.checks.pending); n != 2*maxChecksPerOrigin {
		t.Errorf("%d checks for an address and a /64, want %d", n, 2*maxChecksPerOrigin)
	}
	flood(2*maxChecks, func(i int) netip.AddrPort { return public(i + 2) })
	if n := len(l.checks.pending); n != maxChecks || l.count(Verify) != maxChecks {
		t.Errorf("%d checks wait and %d were asked for, want %d", n, l.count(Verify), maxChecks)
	}
	if dropped := l.Stats().Dropped.Checks; dropped != id-maxChecks {
		t.Errorf("%d puts dropped, want %d", dropped, id-maxChecks)
	}
	// Verdicts make room, and nothing forged is stored.
	for ticket := range maxChecks {
		l.Verified(l.at, Ticket(ticket+1), false)
	}
	if len(l.checks.pending) != 0 || l.checks.bytes != 0 || len(l.checks.from) != 0 || l.Info(l.at).Storage.Values != 0 {
		t.Errorf("left behind: %d checks, %d bytes, %d addresses", len(l.checks.pending), l.checks.bytes, len(l.checks.from))
	}
}

func TestChecksWaitInBoundedMemory(t *testing.T) {
	l := newLone(t, func(c *Config) { c.RateLimit.Off = true })
	l.hold = true
	v := forgedValue(t, 1, 60000)
	for i := range 2 * maxCheckBytes / len(v.Data) {
		v.ID = uint64(i) + 1
		l.putFrom(public(i), infohash.SumString("peer"), infohash.SumString("key"), v.Append(nil))
	}
	if l.checks.bytes > maxCheckBytes || l.checks.bytes < maxCheckBytes-len(v.Data)-1000 {
		t.Errorf("%d bytes wait, of %d", l.checks.bytes, maxCheckBytes)
	}
}

func TestARepeatedSignatureNeedsNoCheck(t *testing.T) {
	known := false
	l := newLone(t, func(c *Config) { c.Trusted = func(*value.Value) bool { return known } })
	from, peer, key := public(1), infohash.SumString("peer"), infohash.SumString("key")
	packed := signedValue(t, 1, 0, "first").Append(nil)
	for range 3 {
		if sent := l.putFrom(from, peer, key, packed); len(sent) != 1 || parse(t, sent[0].data).VID != 1 {
			t.Fatalf("not acknowledged: %d datagrams", len(sent))
		}
		l.pass(time.Minute)
	}
	if n := l.count(Verify); n != 1 {
		t.Errorf("%d checks of one stored value, want 1", n)
	}
	// Whoever has seen the signature elsewhere need not check it either.
	known = true
	l.putFrom(from, peer, infohash.SumString("other key"), packed)
	if n := l.count(Verify); n != 1 {
		t.Errorf("%d checks, one of them of a signature known to be good", n)
	}
	if n := l.Info(l.at).Storage.Values; n != 2 {
		t.Errorf("%d values stored, want 2", n)
	}
}

func TestAForgedSignatureIsAcknowledgedAndNotStored(t *testing.T) {
	l := newLone(t, nil)
	from, peer, key := public(1), infohash.SumString("peer"), infohash.SumString("key")
	sent := l.putFrom(from, peer, key, forgedValue(t, 5, 1).Append(nil))
	if len(sent) != 1 || parse(t, sent[0].data).VID != 5 {
		t.Errorf("not acknowledged: %d datagrams", len(sent))
	}
	if got := l.ask(from, wire.Message{Method: wire.Get, TID: 2, ID: peer, Key: key}); len(got.Values) > 0 {
		t.Error("a forged value is stored")
	}
	if s := l.Stats().Dropped; s.Signatures != 1 {
		t.Errorf("%+v", s)
	}
}

func TestEveryValueOfAPutIsAcknowledged(t *testing.T) {
	l := newLone(t, nil)
	from, peer, key := public(1), infohash.SumString("peer"), infohash.SumString("key")
	sent := l.putFrom(from, peer, key, (&value.Value{ID: 1}).Append(nil), signedValue(t, 2, 0, "x").Append(nil), (&value.Value{ID: 3}).Append(nil))
	var ids []uint64
	for _, g := range sent {
		ids = append(ids, parse(t, g.data).VID)
	}
	if len(ids) != 3 || ids[0]+ids[1]+ids[2] != 6 {
		t.Errorf("acknowledged %d, want 1, 2 and 3", ids)
	}
	if n := l.Info(l.at).Storage.Values; n != 3 {
		t.Errorf("%d values stored, want 3", n)
	}
}
