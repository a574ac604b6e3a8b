//go:build peers

package dht

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// TestValues puts values of every kind, kills the putter, and gets them with a
// peer that starts afterwards: only the storer can have held them.
func TestValues(t *testing.T) {
	everyCast(t, func(t *testing.T, ctx context.Context, c cast) {
		host := netns.Loopback()
		node := c.storer.Start(t, host, peers.NodeConfig{})
		alice, bob := peers.NewIdentity(t, "alice"), peers.NewIdentity(t, "bob")
		publish(t, ctx, c.getter, host, node, bob)

		putter := c.putter.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr(), Identity: alice})
		want := putAll(t, ctx, putter, bob.ID)
		putter.Kill()

		getter := c.getter.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr(), Identity: bob})
		for _, w := range want {
			compare(t, w, get(t, ctx, getter, w.key))
		}
	})
}

// stored is what a getter must find at a key.
type stored struct {
	name  string
	key   infohash.Hash
	value peers.Value
}

// putAll puts one value of each kind, and returns what a getter must find.
func putAll(t *testing.T, ctx context.Context, putter *peers.Peer, to infohash.Hash) []stored {
	t.Helper()
	tests := []struct {
		name   string
		values []peers.Value // put one after the other
		how    peers.Put
	}{
		{"plain", []peers.Value{{ID: 1, Data: []byte("plain")}}, peers.Put{}},
		{"empty", []peers.Value{{ID: 2}}, peers.Put{}},
		{"largest id", []peers.Value{{ID: 1<<64 - 1, Data: []byte("x")}}, peers.Put{}},
		{"user type", []peers.Value{{ID: 3, UserType: "text/plain", Data: []byte("typed")}}, peers.Put{}},
		{"unregistered type", []peers.Value{{ID: 4, Type: 4242, Data: []byte("other")}}, peers.Put{}},
		{"two parts", []peers.Value{{ID: 5, Data: bytes.Repeat([]byte("2parts"), 250)}}, peers.Put{}},
		{"64 KiB", []peers.Value{{ID: 6, Data: bytes.Repeat([]byte("64 KiB.."), 8192)}}, peers.Put{}},
		{"permanent", []peers.Value{{ID: 7, Data: []byte("stays")}}, peers.Put{Permanent: true}},
		{"signed", []peers.Value{{ID: 8, Data: []byte("signed")}}, peers.Put{Signed: true}},
		{"signed message type", []peers.Value{{ID: 9, Type: 3, UserType: "text/plain", Data: []byte("\x80")}}, peers.Put{Signed: true}},
		{"edited", []peers.Value{{ID: 10, Data: []byte("first")}, {ID: 10, Data: []byte("second")}}, peers.Put{Signed: true}},
		{"encrypted", []peers.Value{{ID: 11, Data: []byte("secret")}}, peers.Put{To: to}},
		{"encrypted 16 KiB", []peers.Value{{ID: 12, UserType: "u", Data: bytes.Repeat([]byte("secret.."), 2048)}}, peers.Put{To: to}},
	}
	var want []stored
	for _, tt := range tests {
		w := stored{name: tt.name, key: infohash.SumString("values/" + tt.name)}
		for _, v := range tt.values {
			got, err := putter.Put(ctx, w.key, v, tt.how)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			w.value = v
			w.value.Seq = got.Seq
		}
		if tt.how.Signed || !tt.how.To.IsZero() {
			stats, err := putter.Stats(ctx)
			if err != nil {
				t.Fatal(err)
			}
			w.value.Signed, w.value.Owner, w.value.To = true, stats.ID, tt.how.To
		}
		want = append(want, w)
	}
	return want
}

// publish lets a peer with this identity announce its certificate until the
// node holds it.
func publish(t *testing.T, ctx context.Context, kind peers.Kind, host *netns.Host, node *peers.Node, id *peers.Identity) {
	t.Helper()
	err := peers.Eventually(ctx, func() (bool, error) {
		owner := kind.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr(), Identity: id})
		if err := findCertificate(t, ctx, kind, host, node, id); err != nil {
			return false, err
		}
		if err := owner.Stop(); err != nil {
			return false, err
		}
		// The owner answers for its own certificate too: only without it is
		// it seen whether the put has reached the node.
		reader := kind.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr()})
		held, err := reader.HasCertificate(ctx, id.ID)
		return held, errors.Join(err, reader.Stop())
	})
	if err != nil {
		t.Fatalf("publishing a certificate: %v", err)
	}
}

// findCertificate waits until a fresh peer finds the certificate.
func findCertificate(t *testing.T, ctx context.Context, kind peers.Kind, host *netns.Host, node *peers.Node, id *peers.Identity) error {
	t.Helper()
	reader := kind.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr()})
	err := peers.Eventually(ctx, func() (bool, error) {
		return reader.HasCertificate(ctx, id.ID)
	})
	return errors.Join(err, reader.Stop())
}

// compare checks that exactly the value that was put has been found.
func compare(t *testing.T, want stored, got []peers.Value) {
	t.Helper()
	if len(got) != 1 {
		t.Errorf("%s: got %d values", want.name, len(got))
		return
	}
	if a, b := describe(got[0]), describe(want.value); a != b {
		t.Errorf("%s: got %s, want %s", want.name, a, b)
	}
	if !slices.Equal(got[0].Data, want.value.Data) {
		t.Errorf("%s: data differ (%d bytes, want %d)", want.name, len(got[0].Data), len(want.value.Data))
	}
}

// describe returns everything about a value but its data.
func describe(v peers.Value) string {
	v.Data = nil
	return fmt.Sprintf("%+v", v)
}
