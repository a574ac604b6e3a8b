package netns

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// limit bounds the way of one packet.
const limit = time.Minute

func TestHostsReachEachOther(t *testing.T) {
	network := New(t)
	a, b := network.Host(), network.Host()
	for _, pair := range [][2]netip.Addr{{a.IPv4, b.IPv4}, {a.IPv6, b.IPv6}} {
		from, to := listen(t, a, pair[0]), listen(t, b, pair[1])
		if got := deliver(t, from, to, 10); got != 10 {
			t.Errorf("%v to %v: %d of 10 packets arrived", pair[0], pair[1], got)
		}
	}
}

func TestImpairment(t *testing.T) {
	network := New(t)
	a, b := network.Host(), network.Host()
	from, to := listen(t, a, a.IPv4), listen(t, b, b.IPv4)
	deliver(t, from, to, 1) // resolves the address

	a.Impair(Impairment{Loss: 0.3, Delay: 50 * time.Millisecond})
	start := time.Now()
	got := deliver(t, from, to, 200)
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("200 packets arrived after %v", took)
	}
	if got < 110 || got > 170 {
		t.Errorf("%d of 200 packets arrived at 30 %% loss", got)
	}
	if got := deliver(t, to, from, 50); got != 50 {
		t.Errorf("other direction: %d of 50 packets arrived", got)
	}

	network.Impair(Impairment{})
	b.Unplug()
	if got := deliver(t, from, to, 5); got != 0 {
		t.Errorf("%d packets arrived at an unplugged host", got)
	}
	b.Plug()
	if got := deliver(t, from, to, 5); got != 5 {
		t.Errorf("%d of 5 packets arrived after plugging in", got)
	}
}

func TestHostIPv4(t *testing.T) {
	h := New(t).HostIPv4()
	err := h.Do(func() error {
		conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
		if err == nil {
			conn.Close()
			return errors.New("the host has an IPv6 loopback")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestStart(t *testing.T) {
	h := New(t).Host()
	var out strings.Builder
	cmd := exec.Command("ip", "-brief", "addr", "show", "dev", "eth0")
	cmd.Stdout = &out
	if err := h.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{h.IPv4.String(), h.IPv6.String()} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("eth0 of the host is %q, want %v", out.String(), want)
		}
	}
}

func listen(t *testing.T, h *Host, ip netip.Addr) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := h.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// deliver sends n packets and returns how many arrive, in order. It takes for lost
// what is not there for a second.
func deliver(t *testing.T, from, to *net.UDPConn, n int) int {
	t.Helper()
	for i := range n {
		if _, err := from.WriteTo([]byte{byte(i)}, to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 16)
	for arrived, last := 0, -1; ; arrived++ {
		if arrived == n {
			return arrived
		}
		if err := to.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err := to.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return arrived
		}
		if err != nil {
			t.Fatal(err)
		}
		if int(buf[0]) <= last {
			t.Fatalf("packet %d arrived after packet %d", buf[0], last)
		}
		last = int(buf[0])
	}
}

func TestNAT(t *testing.T) {
	network := New(t)
	outside := network.HostIPv4()
	router, private := network.NAT()
	inside := private.HostIPv4()
	server := listen(t, outside, outside.IPv4)
	client := listen(t, inside, inside.IPv4)
	if _, err := client.WriteTo([]byte("hello"), server.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	_ = server.SetReadDeadline(time.Now().Add(limit))
	n, from, err := server.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" || from.(*net.UDPAddr).AddrPort().Addr() != router.IPv4 {
		t.Fatalf("%q from %v, %v", buf[:n], from, err)
	}
	// The answer finds its way back, and nothing else does.
	_, _ = server.WriteTo([]byte("back"), from)
	stranger := listen(t, outside, outside.IPv4)
	_, _ = stranger.WriteTo([]byte("stranger"), from)
	_ = client.SetReadDeadline(time.Now().Add(limit))
	if n, _, err = client.ReadFrom(buf); err != nil || string(buf[:n]) != "back" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	_ = client.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, from, err := client.ReadFrom(buf); err == nil {
		t.Errorf("%q from %v", buf[:n], from)
	}
}

func TestForward(t *testing.T) {
	network := New(t)
	outside := network.HostIPv4()
	router, private := network.NAT()
	inside := private.HostIPv4()
	var ln net.Listener
	if err := inside.Do(func() (err error) {
		ln, err = net.Listen("tcp", inside.AddrPort(5000).String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := router.Forward(6000, inside.AddrPort(5000)); err != nil {
		t.Fatal(err)
	}
	err := outside.Do(func() error {
		c, err := net.DialTimeout("tcp", router.AddrPort(6000).String(), limit)
		if err == nil {
			c.Close()
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
