package engine

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// inParts returns the datagrams of m with packed values.
func inParts(m *wire.Message, packed ...[]byte) (datagrams [][]byte) {
	m.SetValues(packed)
	datagrams = append(datagrams, m.Append(nil))
	part := wire.Message{Kind: wire.Part, TID: m.TID}
	for s := range wire.Slices(packed) {
		datagrams = append(datagrams, part.AppendPart(nil, s))
	}
	return datagrams
}

func TestALargePutArrivesInAnyOrder(t *testing.T) {
	l := newLone(t, nil)
	data := make([]byte, 20000)
	for i := range data {
		data[i] = byte(i >> 8)
	}
	v := value.Value{ID: 1, Data: data}
	put := wire.Message{Kind: wire.Request, Method: wire.Put, TID: 7, ID: infohash.SumString("peer"), Key: infohash.SumString("key")}
	for name, order := range map[string]func(k, n int) int{
		"as sent":     func(k, _ int) int { return k },
		"header last": func(k, n int) int { return n - 1 - k },
		"twice":       func(k, n int) int { return (3 * k) % n },
	} {
		t.Run(name, func(t *testing.T) {
			from := public(len(name))
			put.Key = infohash.SumString(name)
			put.Token = l.tokens.Append(nil, l.at, from)
			datagrams := inParts(&put, v.Append(nil))
			var sent []datagram
			for k := range 3 * len(datagrams) {
				if k < len(datagrams) || name == "twice" {
					sent = append(sent, l.handle(from, datagrams[order(k, len(datagrams))])...)
				}
			}
			if !slices.ContainsFunc(sent, func(g datagram) bool { return parse(t, g.data).VID == 1 }) {
				t.Fatalf("not acknowledged: %d datagrams", len(sent))
			}
			stored := 0
			l.store.Each(l.at, put.Key, nil, func(item storage.Item) bool {
				stored++
				if !bytes.Equal(item.Packed, v.Append(nil)) {
					t.Error("the value has changed on its way")
				}
				return true
			})
			if stored != 1 {
				t.Errorf("%d values are stored", stored)
			}
		})
	}
}

func TestTwoSendersMayUseOneTransactionID(t *testing.T) {
	l := newLone(t, nil)
	var datagrams [2][][]byte
	for i := range 2 {
		put := wire.Message{Kind: wire.Request, Method: wire.Put, TID: 7, ID: infohash.SumString(string(rune('a' + i)))}
		put.Key, put.Token = put.ID, l.tokens.Append(nil, l.at, public(i))
		v := value.Value{ID: 1, Data: bytes.Repeat([]byte{byte(i)}, 5000)}
		datagrams[i] = inParts(&put, v.Append(nil))
	}
	for k := range datagrams[0] {
		l.handle(public(0), datagrams[0][k])
		l.handle(public(1), datagrams[1][k])
	}
	if n := l.Info(l.at).Storage.Values; n != 2 {
		t.Errorf("%d of 2 values are stored", n)
	}
}

func TestPartsOfWhoMayNotPutAreNotKept(t *testing.T) {
	l := newLone(t, nil)
	from, id := public(1), infohash.SumString("peer")
	v := value.Value{ID: 1, Data: make([]byte, 5000)}
	put := wire.Message{Kind: wire.Request, Method: wire.Put, TID: 7, ID: id, Key: id, Token: make([]byte, 32)}
	sent := l.handle(from, inParts(&put, v.Append(nil))[0])
	if len(sent) != 1 || parse(t, sent[0].data).Code != wire.CodeUnauthorized {
		t.Errorf("%d datagrams, want a refusal", len(sent))
	}
	update := wire.Message{Kind: wire.Request, Method: wire.Update, TID: 8, ID: id, Key: id, SID: 5, Version: 1}
	if sent := l.handle(from, inParts(&update, v.Append(nil))[0]); len(sent) != 1 {
		t.Errorf("%d datagrams, want an acknowledgement", len(sent))
	}
	reply := wire.Message{Kind: wire.Reply, TID: 9, ID: id, Token: []byte("token")}
	if sent := l.handle(from, inParts(&reply, v.Append(nil))[0]); len(sent) > 0 {
		t.Errorf("%d datagrams in answer to a reply", len(sent))
	}
	if n, bytes := l.parts.Pending(); n > 0 {
		t.Errorf("%d messages of %d bytes are kept", n, bytes)
	}
}

func TestAnIncompletePutIsForgotten(t *testing.T) {
	l := newLone(t, nil)
	from := public(1)
	v := value.Value{ID: 1, Data: make([]byte, 5000)}
	put := wire.Message{Kind: wire.Request, Method: wire.Put, TID: 7, ID: infohash.SumString("peer"), Key: infohash.SumString("key")}
	put.Token = l.tokens.Append(nil, l.at, from)
	datagrams := inParts(&put, v.Append(nil))
	for _, p := range datagrams[:len(datagrams)-1] {
		l.handle(from, p)
	}
	if n, _ := l.parts.Pending(); n != 1 {
		t.Fatalf("%d messages wait, want 1", n)
	}
	l.pass(3 * time.Second)
	if n, bytes := l.parts.Pending(); n > 0 || bytes > 0 {
		t.Errorf("%d messages of %d bytes wait after three seconds without a part", n, bytes)
	}
}
