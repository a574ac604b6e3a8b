package portmap

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// home is a router in memory.
type home struct {
	mu    sync.Mutex
	ports map[uint16]time.Time // until when each is mapped
	adds  int
	life  time.Duration // granted, if less than asked for; 0: as asked for

	stuck, restarted, forgetful atomic.Bool
}

// until returns until when a port is mapped, and how many are.
func (h *home) until(port uint16) (time.Time, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ports[port], len(h.ports)
}

func (h *home) protocol() string                     { return "home" }
func (h *home) addr() netip.Addr                     { return loopback }
func (h *home) local() netip.Addr                    { return loopback }
func (h *home) find(context.Context) (router, error) { return h, nil }
func (h *home) external(context.Context) (netip.Addr, error) {
	return netip.MustParseAddr("203.0.113.5"), nil
}

func (h *home) add(ctx context.Context, internal, _ uint16, life time.Duration) (uint16, time.Duration, error) {
	if h.stuck.Load() {
		<-ctx.Done()
		return 0, 0, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.adds++
	if h.life > 0 {
		life = min(life, h.life)
	}
	h.ports[internal] = time.Now().Add(life)
	return internal, life, nil
}

// restart has the router forget all ports.
func (h *home) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.ports)
	h.restarted.Store(true)
}

func (h *home) forgot() bool { return h.restarted.Swap(h.forgetful.Load()) }

func (h *home) remove(_ context.Context, internal, _ uint16) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ports, internal)
	return nil
}

func at(port int) netip.AddrPort { return netip.AddrPortFrom(loopback, uint16(port)) }

func TestRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &home{ports: make(map[uint16]time.Time)}
		m := mapper(t, h.find)
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := m.Map(ctx, at(1)); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			time.Sleep(time.Minute)
			synctest.Wait()
			if until, _ := h.until(1); until.Before(time.Now()) {
				t.Fatal("the mapping ended while it was needed")
			}
		}
		cancel()
		synctest.Wait()
		if _, n := h.until(1); n > 0 {
			t.Error("the mapping was not removed")
		}
	})
}

// TestRouterRestarts has a router be silent when a mapping is to be renewed, and be
// found elsewhere then.
func TestRouterRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := &home{ports: make(map[uint16]time.Time)}, &home{ports: make(map[uint16]time.Time)}
		var down atomic.Bool
		m := mapper(t, func(context.Context) (router, error) {
			switch {
			case down.Load():
				return nil, ErrNoRouter
			case before.stuck.Load():
				return after, nil
			}
			return before, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := m.Map(ctx, at(1)); err != nil {
			t.Fatal(err)
		}
		before.stuck.Store(true)
		down.Store(true)
		time.Sleep(lifetime)
		down.Store(false)
		time.Sleep(lifetime)
		synctest.Wait()
		if until, _ := after.until(1); until.Before(time.Now()) {
			t.Error("the mapping was not made again")
		}
		cancel()
		synctest.Wait()
		if _, n := after.until(1); n > 0 {
			t.Error("the mapping was not removed")
		}
	})
}

// TestLostSearch keeps a router that one search has missed.
func TestLostSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &home{ports: make(map[uint16]time.Time)}
		var searches atomic.Int32
		m := mapper(t, func(context.Context) (router, error) {
			if searches.Add(1) > 1 {
				return nil, ErrNoRouter
			}
			return h, nil
		})
		time.Sleep(lookAgain)
		m.Seek()
		synctest.Wait()
		if _, err := m.Map(t.Context(), at(1)); err != nil || searches.Load() != 2 {
			t.Errorf("%v after %d searches", err, searches.Load())
		}
	})
}

// TestForgotten renews all mappings when a router is seen to have forgotten them,
// and when the network changed.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &home{ports: make(map[uint16]time.Time)}
		m := mapper(t, h.find)
		for port := range 2 {
			if _, err := m.Map(t.Context(), at(port+1)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		h.restart()
		if _, err := m.Map(t.Context(), at(3)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, n := h.until(1); n != 3 {
			t.Errorf("%d of 3 ports are mapped", n)
		}
		h.restart()
		m.NetworkChanged()
		synctest.Wait()
		if _, n := h.until(1); n != 3 {
			t.Errorf("%d of 3 ports are mapped after the network changed", n)
		}
		// All is quiet after that.
		before := h.adds
		time.Sleep(lifetime/2 - time.Second)
		synctest.Wait()
		if h.adds != before {
			t.Errorf("%d requests without need", h.adds-before)
		}
	})
}

// TestForgetful keeps calm when a router says each time that it has forgotten all.
func TestForgetful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &home{ports: make(map[uint16]time.Time)}
		h.forgetful.Store(true)
		m := mapper(t, h.find)
		const ports = 8
		for port := range ports {
			if _, err := m.Map(t.Context(), at(port+1)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if most := ports * int(time.Hour/minRenewal+2); h.adds > most {
			t.Errorf("%d requests, want %d at most", h.adds, most)
		}
	})
}

// TestShortLife renews no more often than it wants to, whatever a router grants.
func TestShortLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &home{ports: make(map[uint16]time.Time), life: time.Nanosecond}
		m := mapper(t, h.find)
		if _, err := m.Map(t.Context(), at(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*minRenewal + time.Second)
		synctest.Wait()
		if h.adds != 11 {
			t.Errorf("%d requests, want 11", h.adds)
		}
	})
}

func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &home{ports: make(map[uint16]time.Time)}
		m := mapper(t, h.find)
		for i := range maxMappings {
			if _, err := m.Map(t.Context(), at(i+1)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Map(t.Context(), at(1000)); !errors.Is(err, ErrFull) {
			t.Fatalf("with none to spare: %v", err)
		}
		time.Sleep(youth)
		if _, err := m.Map(t.Context(), at(1000)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if until, n := h.until(1); !until.IsZero() || n != maxMappings || len(m.mappings) != maxMappings {
			t.Errorf("%d ports, %d mappings", n, len(m.mappings))
		}
	})
}

func TestStuckRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &home{ports: make(map[uint16]time.Time)}
		h.stuck.Store(true)
		m := mapper(t, h.find)
		start := time.Now()
		if _, err := m.Map(t.Context(), at(1)); err == nil || time.Since(start) > mapTimeout {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		// It stalls nobody else.
		start = time.Now()
		if _, err := m.Map(t.Context(), at(1)); !errors.Is(err, ErrNoRouter) || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		// It gets another chance.
		h.stuck.Store(false)
		time.Sleep(seekAgain)
		_, _ = m.Map(t.Context(), at(1))
		synctest.Wait()
		if _, err := m.Map(t.Context(), at(1)); err != nil {
			t.Error(err)
		}
	})
}

func TestNetworkChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var searches atomic.Int32
		m := newMapper(nil, func(ctx context.Context) (router, error) {
			searches.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		})
		defer m.Close()
		m.NetworkChanged()
		synctest.Wait()
		if searches.Load() != 0 {
			t.Error("searched without need")
		}
		for range 3 {
			if _, err := m.Map(t.Context(), at(1)); !errors.Is(err, ErrNoRouter) {
				t.Error(err)
			}
		}
		time.Sleep(findTimeout)
		m.NetworkChanged()
		time.Sleep(findTimeout)
		synctest.Wait()
		if n := searches.Load(); n != 2 {
			t.Errorf("%d searches", n)
		}
	})
}
