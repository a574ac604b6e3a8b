package simnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

var _ net.PacketConn = (*Conn)(nil)

// listen opens a socket that is closed when the test ends.
func listen(t *testing.T, n *Net, addr string) *Conn {
	t.Helper()
	c, err := n.ListenPacket(netip.MustParseAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func addrOf(c *Conn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func TestConnLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(Config{Link: Link{Latency: 30 * time.Millisecond}})
		a, b := listen(t, n, "1.1.1.1:1"), listen(t, n, "2.2.2.2:2")
		go func() {
			buf := make([]byte, 100)
			for range 3 {
				k, from, err := b.ReadFrom(buf)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := b.WriteTo(buf[:k], from); err != nil {
					t.Error(err)
				}
			}
		}()
		buf := make([]byte, 3)
		for i := range 3 {
			begin := time.Now()
			if _, err := a.WriteToUDPAddrPort([]byte(fmt.Sprint("echo", i)), addrOf(b)); err != nil {
				t.Fatal(err)
			}
			k, from, err := a.ReadFromUDPAddrPort(buf)
			if err != nil || string(buf[:k]) != "ech" || from != addrOf(b) {
				t.Errorf("got %q from %v, %v", buf[:k], from, err)
			}
			if took := time.Since(begin); took != 60*time.Millisecond {
				t.Errorf("the echo took %v", took)
			}
		}
	})
}

// TestConnEarlierPacket sends a packet that overtakes one on its way.
func TestConnEarlierPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(Config{Link: Link{Latency: time.Minute}})
		a, b := listen(t, n, "1.1.1.1:1"), listen(t, n, "2.2.2.2:2")
		a.WriteToUDPAddrPort([]byte("slow"), addrOf(b))
		n.SetLink(Link{Latency: time.Second})
		a.WriteToUDPAddrPort([]byte("fast"), addrOf(b))
		buf := make([]byte, 10)
		begin := time.Now()
		for _, want := range []struct {
			text string
			at   time.Duration
		}{{"fast", time.Second}, {"slow", time.Minute}} {
			k, _, err := b.ReadFromUDPAddrPort(buf)
			if err != nil || string(buf[:k]) != want.text || time.Since(begin) != want.at {
				t.Errorf("got %q after %v, %v; want %q after %v", buf[:k], time.Since(begin), err, want.text, want.at)
			}
		}
	})
}

func TestConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(Config{})
		a := listen(t, n, "1.1.1.1:1")
		buf := make([]byte, 10)
		read := func() error {
			_, _, err := a.ReadFrom(buf)
			return err
		}
		begin := time.Now()
		a.SetReadDeadline(begin.Add(time.Second))
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		var timeout net.Error
		if err := read(); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("a second read: %v", err)
		}

		a.SetReadDeadline(time.Time{})
		go func() {
			time.Sleep(time.Minute)
			a.SetReadDeadline(time.Now())
		}()
		begin = time.Now()
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("a deadline set during a read: after %v: %v", time.Since(begin), err)
		}

		a.SetReadDeadline(time.Now().Add(time.Hour))
		a.WriteToUDPAddrPort([]byte("x"), addrOf(a))
		if err := read(); err != nil {
			t.Errorf("before the deadline: %v", err)
		}
		a.SetDeadline(time.Now().Add(-time.Second))
		if _, err := a.WriteToUDPAddrPort([]byte("x"), addrOf(a)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write past its deadline: %v", err)
		}
		a.SetWriteDeadline(time.Time{})
		if _, err := a.WriteToUDPAddrPort([]byte("x"), addrOf(a)); err != nil {
			t.Errorf("a write without a deadline: %v", err)
		}
	})
}

func TestConnClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNet(Config{})
		a := listen(t, n, "1.1.1.1:1")
		failed := make(chan error)
		go func() {
			_, _, err := a.ReadFrom(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		for range 2 {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the pending read: %v", err)
		}
		if _, err := a.WriteTo([]byte("x"), a.LocalAddr()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write: %v", err)
		}
		listen(t, n, "1.1.1.1:1") // the address is free again
	})
}

func TestListenPacketAddresses(t *testing.T) {
	n := NewNet(Config{})
	a, b := listen(t, n, "1.1.1.1:0"), listen(t, n, "1.1.1.1:0")
	if addrOf(a).Port() == 0 || addrOf(a) == addrOf(b) {
		t.Errorf("got %v and %v", addrOf(a), addrOf(b))
	}
	if _, err := n.ListenPacket(addrOf(a)); err == nil {
		t.Error("two sockets got the same address")
	}
	if _, err := a.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("[2001:db8::1]:1")); err == nil {
		t.Error("an IPv4 socket sends to IPv6")
	}
	if _, err := a.WriteTo([]byte("x"), &net.TCPAddr{}); err == nil {
		t.Error("a packet goes to a TCP address")
	}
	if _, err := a.WriteToUDPAddrPort(make([]byte, maxDatagram+1), addrOf(b)); err == nil {
		t.Error("a packet larger than UDP allows was sent")
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(addrOf(b).Addr().As16()), addrOf(b).Port())
	if _, err := a.WriteToUDPAddrPort([]byte("x"), mapped); err != nil {
		t.Errorf("to %v: %v", mapped, err)
	}
	if _, _, err := b.ReadFromUDPAddrPort(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

func TestConnOverflow(t *testing.T) {
	n := NewNet(Config{})
	a, b := listen(t, n, "1.1.1.1:1"), listen(t, n, "2.2.2.2:2")
	for range maxInbox + 10 {
		a.WriteToUDPAddrPort([]byte("x"), addrOf(b))
	}
	if got := n.Stats().Overflowed; got != 10 {
		t.Errorf("%d packets dropped, want 10", got)
	}
}
