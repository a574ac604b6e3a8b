//go:build peers

package dht

import (
	"context"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/test/netns"
	"rollcall/test/peers"
)

// pushLimit bounds the time in which a listen tells what has changed, on a machine
// that is busy: without a push it would take as long as the next search.
const pushLimit = 15 * time.Second

// TestListen follows a key through the life of its values: one that stood
// before, a new one, one that is refreshed and one that expires.
func TestListen(t *testing.T) {
	everyCast(t, func(t *testing.T, ctx context.Context, c cast) {
		host := netns.Loopback()
		node := c.storer.Start(t, host, peers.NodeConfig{})
		putter := c.putter.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr(), Identity: peers.NewIdentity(t, "alice")})
		listener := c.getter.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr()})
		key := infohash.SumString("listen")
		put := func(v peers.Value, how peers.Put) {
			t.Helper()
			if _, err := putter.Put(ctx, key, v, how); err != nil {
				t.Fatal(err)
			}
		}

		put(peers.Value{ID: 1, Data: []byte("before")}, peers.Put{})
		listen, err := listener.Listen(ctx, key, "")
		if err != nil {
			t.Fatal(err)
		}
		expect(t, ctx, listen, 1, false)

		start := time.Now()
		put(peers.Value{ID: 2, Data: []byte("new")}, peers.Put{})
		expect(t, ctx, listen, 2, false)
		if took := time.Since(start); took > pushLimit {
			t.Errorf("a new value was pushed after %v", took)
		}
		put(peers.Value{ID: 3, Data: []byte("signed")}, peers.Put{Signed: true})
		expect(t, ctx, listen, 3, false)

		// A value lives for ten minutes after its creation. The one that is
		// put again outlives the other, which is put after it.
		const life = 6 * time.Second
		refreshed, dying := peers.Value{ID: 4, Data: []byte("refreshed")}, peers.Value{ID: 5, Data: []byte("dying")}
		put(refreshed, peers.Put{Age: 10*time.Minute - life})
		expect(t, ctx, listen, 4, false)
		put(refreshed, peers.Put{})
		start = time.Now()
		put(dying, peers.Put{Age: 10*time.Minute - life})
		expect(t, ctx, listen, 5, false)
		expect(t, ctx, listen, 5, true)
		if took := time.Since(start); took < life-2*time.Second || took > life+pushLimit {
			t.Errorf("a value with %v to live expired after %v", life, took)
		}
		if err := listen.Quiet(ctx, time.Second); err != nil {
			t.Errorf("after a refresh: %v", err)
		}

		if err := listen.Cancel(ctx); err != nil {
			t.Fatal(err)
		}
		put(peers.Value{ID: 6, Data: []byte("unheard")}, peers.Put{})
		if err := listen.Quiet(ctx, time.Second); err != nil {
			t.Errorf("after the listen was cancelled: %v", err)
		}
	})
}

// TestListenWhere follows only what a filter lets through.
func TestListenWhere(t *testing.T) {
	everyCast(t, func(t *testing.T, ctx context.Context, c cast) {
		host := netns.Loopback()
		node := c.storer.Start(t, host, peers.NodeConfig{})
		putter := c.putter.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr()})
		listener := c.getter.Start(t, host, peers.PeerConfig{Bootstrap: node.Addr()})
		// Both know each other, whoever of them stores.
		meet(t, ctx, putter, node.Addr(), listener.Addr())
		meet(t, ctx, listener, node.Addr(), putter.Addr())
		key := infohash.SumString("listen where")
		listen, err := listener.Listen(ctx, key, `WHERE user_type="wanted"`)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []peers.Value{{ID: 1, UserType: "unwanted"}, {ID: 2, UserType: "wanted"}} {
			if _, err := putter.Put(ctx, key, v, peers.Put{}); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, ctx, listen, 2, false)
		if err := listen.Quiet(ctx, time.Second); err != nil {
			t.Error(err)
		}

		got, err := listener.Get(ctx, key, "WHERE id=1")
		if err != nil || len(got) != 1 || got[0].UserType != "unwanted" {
			t.Errorf("get where id=1: %+v, %v", got, err)
		}
		got, err = listener.Query(ctx, key, "SELECT id,user_type WHERE id=2")
		if err != nil || len(got) == 0 {
			t.Errorf("query of id=2: %+v, %v", got, err)
		}
		// Every node that holds the value may answer.
		for _, v := range got {
			if v.ID != 2 || v.UserType != "wanted" {
				t.Errorf("query of id=2: %+v", v)
			}
		}
	})
}

// expect takes the next event and checks that it is about one value only.
func expect(t *testing.T, ctx context.Context, listen *peers.Listen, id uint64, expired bool) {
	t.Helper()
	event, err := listen.Next(ctx)
	if err != nil {
		t.Fatalf("waiting for value %d: %v", id, err)
	}
	if len(event.Values) != 1 || event.Values[0].ID != id || event.Expired != expired {
		t.Fatalf("event %+v, want value %d, expired: %v", event, id, expired)
	}
}
