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
	stuck bool

	restarted atomic.Bool
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
	if h.stuck {
		<-ctx.Done()
		return 0, 0, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ports[internal] = time.Now().Add(life)
	return internal, life, nil
}

func (h *home) forgot() bool { return h.restarted.CompareAndSwap(true, false) }

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
		h := &home{ports: make(map[uint16]time.Time), stuck: true}
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
		h.stuck = false
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
