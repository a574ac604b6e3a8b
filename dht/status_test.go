package dht_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/dht"
	"rollcall/internal/simnet"
)

func TestWaitStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.NewNet(simnet.Config{Seed: 1, Link: simnet.Link{Latency: 20 * time.Millisecond}})
		n := virtualNode(t, network, 2, dht.Config{})
		time.Sleep(time.Minute)
		lost := n.Status()
		if lost == dht.Connected {
			t.Fatalf("status %v without a network", lost)
		}
		limited, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if status, err := n.WaitStatus(limited, lost); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing changed: %v, %v", status, err)
		}
		virtualNode(t, network, 1, dht.Config{})
		status := lost
		for status != dht.Connected {
			next, err := n.WaitStatus(t.Context(), status)
			if err != nil || next == status {
				t.Fatalf("from %v to %v, %v", status, next, err)
			}
			status = next
		}
		if status, err := n.WaitStatus(t.Context(), lost); err != nil || status != dht.Connected {
			t.Errorf("it is another one already: %v, %v", status, err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := n.WaitStatus(context.Background(), dht.Connected)
			ended <- err
		}()
		synctest.Wait()
		n.Close()
		if err := <-ended; !errors.Is(err, dht.ErrClosed) {
			t.Errorf("the node was closed: %v", err)
		}
	})
}
