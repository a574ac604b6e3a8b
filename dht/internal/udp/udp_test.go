package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func pair(t testing.TB, addr string) (a, b *Conn) {
	t.Helper()
	var conns [2]*Conn
	for i := range conns {
		c, err := Listen(netip.AddrPortFrom(netip.MustParseAddr(addr), 0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		conns[i] = c
	}
	return conns[0], conns[1]
}

func (c *Conn) local(addr string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), uint16(c.LocalAddr().(*net.UDPAddr).Port))
}

func TestDatagramsArriveInOrderWithTheirSource(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		t.Run(addr, func(t *testing.T) {
			a, b := pair(t, addr)
			const count = 3*BatchSize + 5
			var out []Datagram
			for i := range count {
				out = append(out, Datagram{Addr: b.local(addr), Data: fmt.Appendf(nil, "datagram %d", i)})
			}
			if lost, err := a.Send(out); lost != 0 || err != nil {
				t.Fatalf("Send: lost %d, %v", lost, err)
			}
			b.SetReadDeadline(time.Now().Add(time.Minute))
			for got := 0; got < count; {
				in, err := b.Receive()
				if err != nil {
					t.Fatalf("after %d datagrams: %v", got, err)
				}
				for _, d := range in {
					if want := fmt.Sprintf("datagram %d", got); string(d.Data) != want || d.Addr != a.local(addr) {
						t.Fatalf("got %q from %v, want %q from %v", d.Data, d.Addr, want, a.local(addr))
					}
					got++
				}
			}
		})
	}
}

func TestLargestDatagram(t *testing.T) {
	a, b := pair(t, "127.0.0.1")
	want := make([]byte, 65507)
	want[len(want)-1] = 42
	if lost, err := a.Send([]Datagram{{Addr: b.local("127.0.0.1"), Data: want}}); lost != 0 || err != nil {
		t.Fatalf("Send: lost %d, %v", lost, err)
	}
	b.SetReadDeadline(time.Now().Add(time.Minute))
	in, err := b.Receive()
	if err != nil {
		t.Fatal(err)
	}
	if len(in) != 1 || len(in[0].Data) != len(want) || in[0].Data[len(want)-1] != 42 {
		t.Fatalf("got %d datagrams, the first of %d bytes", len(in), len(in[0].Data))
	}
}

func TestARefusedDatagramDoesNotStopTheOthers(t *testing.T) {
	a, b := pair(t, "127.0.0.1")
	out := []Datagram{
		{Addr: b.local("127.0.0.1"), Data: []byte("one")},
		{Addr: b.local("127.0.0.1"), Data: make([]byte, 65508)}, // over what UDP can carry
		{Addr: b.local("127.0.0.1"), Data: []byte("two")},
	}
	if lost, err := a.Send(out); lost != 1 || err == nil {
		t.Fatalf("Send: lost %d, %v; want 1 and an error", lost, err)
	}
	b.SetReadDeadline(time.Now().Add(time.Minute))
	var got []string
	for len(got) < 2 {
		in, err := b.Receive()
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		for _, d := range in {
			got = append(got, string(d.Data))
		}
	}
	if got[0] != "one" || got[1] != "two" {
		t.Fatalf("got %q", got)
	}
}

func TestCloseEndsReceive(t *testing.T) {
	a, _ := pair(t, "127.0.0.1")
	done := make(chan error, 1)
	go func() {
		_, err := a.Receive()
		done <- err
	}()
	a.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Receive after Close: %v", err)
	}
}

func TestNothingIsAllocatedPerDatagram(t *testing.T) {
	a, b := pair(t, "127.0.0.1")
	out := []Datagram{{Addr: b.local("127.0.0.1"), Data: []byte("x")}}
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := a.Send(out); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Receive(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Fatalf("%v allocations per datagram", allocs)
	}
}
