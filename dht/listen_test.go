package dht_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/simnet"
)

// virtualPair opens two connected nodes in virtual time.
func virtualPair(t *testing.T) (a, b *dht.Node) {
	t.Helper()
	network := simnet.NewNet(simnet.Config{Seed: 1, Link: simnet.Link{Latency: 20 * time.Millisecond}})
	a, b = virtualNode(t, network, 1, dht.Config{}), virtualNode(t, network, 2, dht.Config{})
	if err := b.WaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// put stores a text under key for the given time.
func put(t *testing.T, n *dht.Node, key infohash.Hash, text string, life time.Duration) {
	t.Helper()
	created := time.Now().Add(life - value.DefaultLife)
	if _, err := n.PutSince(t.Context(), key, &value.Value{Data: []byte(text)}, created); err != nil {
		t.Fatal(err)
	}
}

// record makes a function for ListenFunc that notes what it is called with.
func record(events *[]string) func(dht.Event, error) {
	return func(e dht.Event, err error) {
		switch {
		case err != nil:
			*events = append(*events, "error: "+err.Error())
		case e.Expired:
			*events = append(*events, "-"+string(e.Value.Data))
		default:
			*events = append(*events, "+"+string(e.Value.Data))
		}
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("told %q, want %q", got, want)
	}
}

func TestListenFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := virtualPair(t)
		key := infohash.SumString("key")
		var events []string
		listener := b.ListenFunc(key, dht.Lookup{}, record(&events))
		put(t, a, key, "first", time.Minute)
		time.Sleep(10 * time.Second)
		put(t, a, key, "second", time.Hour)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		expect(t, events, "+first", "+second", "-first")
		listener.Stop()
		put(t, a, key, "third", time.Minute)
		time.Sleep(time.Minute)
		synctest.Wait()
		expect(t, events, "+first", "+second", "-first")
		listener.Stop() // again
	})
}

func TestListenFuncTakesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := virtualPair(t)
		const listens = 100
		before := runtime.NumGoroutine()
		for i := range listens {
			defer b.ListenFunc(infohash.SumString(fmt.Sprint(i)), dht.Lookup{}, func(dht.Event, error) {}).Stop()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if more := runtime.NumGoroutine() - before; more > listens/10 {
			t.Errorf("%d goroutines for %d listens", more, listens)
		}
	})
}

// TestASlowFuncHoldsUpNobody blocks one function: others are called, and it misses nothing.
func TestASlowFuncHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := virtualPair(t)
		key := infohash.SumString("key")
		var slow, quick []string
		told, goOn := record(&slow), make(chan struct{})
		defer b.ListenFunc(key, dht.Lookup{}, func(e dht.Event, err error) {
			<-goOn
			told(e, err)
		}).Stop()
		defer b.ListenFunc(key, dht.Lookup{}, record(&quick)).Stop()
		put(t, a, key, "first", time.Minute)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		expect(t, quick, "+first", "-first")
		expect(t, slow)
		close(goOn)
		synctest.Wait()
		expect(t, slow, "+first", "-first")
	})
}

func TestListenFuncMayStopItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := virtualPair(t)
		key := infohash.SumString("key")
		put(t, a, key, "first", time.Hour)
		put(t, a, key, "second", time.Hour)
		calls := 0
		listener := make(chan *dht.Listener, 1)
		listener <- b.ListenFunc(key, dht.Lookup{}, func(dht.Event, error) {
			calls++
			(<-listener).Stop()
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if calls != 1 {
			t.Errorf("called %d times", calls)
		}
	})
}

func TestListenFuncEndsWithTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := virtualPair(t)
		errs := make(chan error, 3)
		note := func(_ dht.Event, err error) { errs <- err }
		b.ListenFunc(infohash.SumString("a"), dht.Lookup{}, note)
		b.ListenFunc(infohash.SumString("b"), dht.Lookup{}, note).Stop()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		listener := b.ListenFunc(infohash.SumString("c"), dht.Lookup{}, note)
		synctest.Wait()
		listener.Stop()
		synctest.Wait()
		close(errs)
		count := 0
		for err := range errs {
			if !errors.Is(err, dht.ErrClosed) {
				t.Errorf("ended with %v", err)
			}
			count++
		}
		if count != 2 {
			t.Errorf("%d ends were told, want those of the two that nobody has stopped", count)
		}
	})
}

// TestTheLoopMayCloseTheNode ends a node within a loop over its Listen.
func TestTheLoopMayCloseTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := virtualPair(t)
		key := infohash.SumString("key")
		put(t, a, key, "first", time.Hour)
		put(t, a, key, "second", time.Hour)
		var last error
		for _, err := range b.Listen(t.Context(), key, dht.Lookup{}) {
			if last = err; err == nil {
				b.Close()
			}
		}
		if !errors.Is(last, dht.ErrClosed) {
			t.Errorf("the listen ended with %v", last)
		}
	})
}
