package ratelimit

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	start = time.Unix(1_700_000_000, 0)
	alice = netip.MustParseAddr("192.0.2.1")
	bob   = netip.MustParseAddr("192.0.2.2")
)

// burst counts how many of n requests at one time are allowed.
func burst(l *Limiter, now time.Time, addr netip.Addr, n int) (allowed int) {
	for range n {
		if l.Allow(now, addr) {
			allowed++
		}
	}
	return allowed
}

func TestDefaults(t *testing.T) {
	l := New(Config{})
	if got := burst(l, start, alice, 3000); got != 1024 {
		t.Errorf("one address at once: %d, want 1024", got)
	}
	if got := burst(l, start, bob, 3000); got != 1024 {
		t.Errorf("another address: %d, want 1024", got)
	}
	total := 2 * 1024
	for i := range 20 {
		total += burst(l, start, netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 3000)
	}
	if total != 8192 {
		t.Errorf("all addresses at once: %d, want 8192", total)
	}
	later := start.Add(500 * time.Millisecond)
	if got := burst(l, later, alice, 3000); got != 512 {
		t.Errorf("half a second later: %d, want 512", got)
	}
	if got := burst(l, start.Add(10*time.Second), alice, 3000); got != 1024 {
		t.Errorf("after a pause: %d, want 1024", got)
	}
}

func TestRefusedRequestsCostOthersNothing(t *testing.T) {
	l := New(Config{PerOrigin: 10, Total: 20})
	burst(l, start, alice, 1000)
	if got := burst(l, start, bob, 1000); got != 10 {
		t.Errorf("%d beside a flood, want 10", got)
	}
}

func TestOff(t *testing.T) {
	l := New(Config{PerOrigin: 1, Total: 1, Off: true})
	if got := burst(l, start, alice, 100); got != 100 {
		t.Errorf("%d of 100 allowed", got)
	}
}

func TestOrigins(t *testing.T) {
	tests := []struct {
		a, b                    string
		sameOrigin, sameNetwork bool
	}{
		{"192.0.2.1", "192.0.2.1", true, true},
		{"192.0.2.1", "::ffff:192.0.2.1", true, true},
		{"192.0.2.1", "192.0.2.2", false, true},
		{"192.0.2.1", "192.0.3.1", false, false},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true, true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false, true},
		{"2001:db8:0:1::1", "2001:db8:0:101::1", false, false},
		{"fe80::1%eth0", "fe80::2%eth1", true, true},
		{"::1", "0.0.0.1", false, false},
	}
	for _, tt := range tests {
		a, b := OriginOf(netip.MustParseAddr(tt.a)), OriginOf(netip.MustParseAddr(tt.b))
		if got := a == b; got != tt.sameOrigin {
			t.Errorf("%s and %s of one origin: %v", tt.a, tt.b, got)
		}
		if got := a.Network() == b.Network(); got != tt.sameNetwork {
			t.Errorf("%s and %s of one network: %v", tt.a, tt.b, got)
		}
		if got := OriginOf(a.Addr()); got != a {
			t.Errorf("%s: address %s is of another origin", tt.a, a.Addr())
		}
	}
	if got := OriginOf(alice).Addr(); got != alice {
		t.Errorf("address of origin is %s, want %s", got, alice)
	}
}

// TestClockSteps moves the clock both ways: nobody stays locked out, and a
// step gives nobody more than one burst.
func TestClockSteps(t *testing.T) {
	l := New(Config{PerOrigin: 100})
	burst(l, start, alice, 1000)
	for _, step := range []time.Duration{-time.Hour, time.Hour, -2 * time.Second} {
		start := start.Add(step)
		if got := burst(l, start, alice, 1000); got != 100 {
			t.Errorf("after a step to %v: %d, want 100", step, got)
		}
	}
}

// TestBound checks that no origin gets more than a burst and the rate over any
// stretch of time, nor all of them together, and that one within its rate is
// always served.
func TestBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const perOrigin, total = 8, 20
		l := New(Config{PerOrigin: perOrigin, Total: total})
		type request struct {
			at   time.Duration
			from byte
		}
		var served []request
		at := time.Duration(0)
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			at += time.Duration(rapid.IntRange(0, 100).Draw(t, "gap")) * time.Millisecond
			from := rapid.ByteRange(1, 5).Draw(t, "from")
			if l.Allow(start.Add(at), netip.AddrFrom4([4]byte{10, 0, 0, from})) {
				served = append(served, request{at, from})
			}
		}
		for i := range served {
			one, all := 0, 0
			for _, r := range served[i:] {
				all++
				if r.from == served[i].from {
					one++
				}
				seconds := (r.at - served[i].at).Seconds()
				if float64(one) > perOrigin*(1+seconds)+1e-6 || float64(all) > total*(1+seconds)+1e-6 {
					t.Fatalf("%d of one, %d of all within %v s", one, all, seconds)
				}
			}
		}
	})
}

// TestManyOrigins floods the table of origins: the limit in all holds.
func TestManyOrigins(t *testing.T) {
	l := New(Config{})
	allowed := 0
	for i := range 100_000 {
		addr := netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)})
		allowed += burst(l, start, addr, 1)
	}
	if allowed != 8192 {
		t.Errorf("%d allowed, want 8192", allowed)
	}
}

func TestAllowAllocatesNothing(t *testing.T) {
	l := New(Config{})
	now := start
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Millisecond)
		l.Allow(now, alice)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	addrs := make([]netip.Addr, 1024)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	l := New(Config{})
	now := start
	for i := 0; b.Loop(); i++ {
		now = now.Add(100 * time.Microsecond)
		l.Allow(now, addrs[i%len(addrs)])
	}
}
