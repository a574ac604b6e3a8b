//go:build linux

package load

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"rollcall/bench/udp"
	"rollcall/bench/wire"
)

func TestFlight(t *testing.T) {
	f := &flight{}
	one, _ := f.begin(1, 1)
	two, _ := f.begin(2, 2)
	three, _ := f.begin(3, 5)
	if sent, done := f.arrive(one, false); !done || sent != 1 {
		t.Errorf("single answer: sent %v, done %v", sent, done)
	}
	if _, done := f.arrive(one, false); done {
		t.Error("a second answer to the same request counts")
	}
	if _, done := f.arrive(two, false); done {
		t.Error("the first of two datagrams ends the request")
	}
	if _, done := f.arrive(two, false); !done {
		t.Error("the second of two datagrams does not end the request")
	}
	if _, done := f.arrive(three, true); !done {
		t.Error("an error does not end the request")
	}
	if f.open != 0 {
		t.Errorf("%d open", f.open)
	}
}

func TestFlightExpires(t *testing.T) {
	f := &flight{}
	for i := range 10 {
		f.begin(time.Duration(i), 1)
	}
	f.arrive(3, false)
	if lost := f.expire(5); lost != 4 || f.open != 5 {
		t.Errorf("%d lost and %d open, want 4 and 5", lost, f.open)
	}
	if _, done := f.arrive(0, false); done {
		t.Error("an answer to a lost request counts")
	}
}

func TestFlightIsBounded(t *testing.T) {
	f := &flight{}
	for range flightSize {
		if _, ok := f.begin(0, 1); !ok {
			t.Fatal("refused too early")
		}
	}
	if _, ok := f.begin(0, 1); ok {
		t.Error("more requests than slots")
	}
}

func TestRecovery(t *testing.T) {
	fast, slow := time.Millisecond, 10*time.Millisecond
	for _, c := range []struct {
		name   string
		probes []time.Duration
		want   Recovery
	}{
		{"at once", []time.Duration{fast, fast}, Recovery{Probes: 2}},
		{"slow ones", []time.Duration{slow, fast, slow, fast}, Recovery{3 * probeEvery, 4, 2}},
		{"a lost one", []time.Duration{fast, 0, fast}, Recovery{2 * probeEvery, 3, 1}},
	} {
		if got := recovery(c.probes); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// echoServer returns all datagrams or, with drop, every other one.
func echoServer(t *testing.T, drop bool) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, udp.MaxDatagram)
		for i := 0; ; i++ {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if !drop || i%2 == 0 {
				_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func pings(limit int) *Workload {
	ping := wire.Ping()
	return &Workload{Name: "ping", Datagrams: 1, Limit: limit, Queue: func(c *udp.Conn, _ int, tid uint32) {
		c.Queue(ping.Append(c.Buffer(), &wire.Fields{TID: tid}))
	}}
}

func dial(t *testing.T, drop bool) *Session {
	t.Helper()
	s, err := Dial(echoServer(t, drop), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestClosedLoopCountsEveryAnswer(t *testing.T) {
	r, err := Closed(dial(t, false), pings(500), 16, 10*time.Second, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 500 || r.Done != 500 || r.Lost != 0 || r.Latency.Count() != 500 {
		t.Errorf("%d sent, %d done, %d lost, %d latencies", r.Sent, r.Done, r.Lost, r.Latency.Count())
	}
}

func TestClosedLoopGivesUpWhatIsLost(t *testing.T) {
	r, err := Closed(dial(t, true), pings(64), 64, 10*time.Second, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 64 || r.Done != 32 || r.Lost != 32 {
		t.Errorf("%d sent, %d done, %d lost", r.Sent, r.Done, r.Lost)
	}
}

func TestOverloadSendsAtItsRate(t *testing.T) {
	r, rec, err := Overload(dial(t, false), pings(0), 1000, 100*time.Millisecond, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 100 || r.Done == 0 || rec.Probes != 50 {
		t.Errorf("%d sent, %d done, %d probes; want 100, some, 50", r.Sent, r.Done, rec.Probes)
	}
}
