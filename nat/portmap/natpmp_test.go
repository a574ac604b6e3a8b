package portmap

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// gatewayAt runs a NAT-PMP gateway on an address of loopback. answer changes what
// it answers to a request, nil for nothing.
func gatewayAt(t *testing.T, addr netip.Addr, answer func(request, answer []byte) []byte) {
	t.Helper()
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 5351)))
	if err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		buf := make([]byte, 100)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			reply := []byte{0, buf[1] | 0x80, 0, 0, 0, 0, 0, 1}
			if n == 2 {
				reply = append(reply, 203, 0, 113, 7)
			} else {
				reply = append(append(append(reply, buf[4:6]...), 0x12, 0x34), buf[8:12]...)
			}
			if reply = answer(buf[:n], reply); reply != nil {
				_, _ = socket.WriteToUDPAddrPort(reply, from)
			}
		}
	})
	t.Cleanup(func() { socket.Close(); tasks.Wait() })
}

func TestNATPMP(t *testing.T) {
	gw := netip.MustParseAddr("127.0.53.1")
	requests := make(chan []byte, 10)
	gatewayAt(t, gw, func(request, answer []byte) []byte {
		requests <- append([]byte(nil), request...)
		return answer
	})
	m := mapper(t, func(ctx context.Context) (router, error) { return findNATPMP(ctx, netip.AddrPortFrom(gw, natPMPPort)) })
	public, err := m.Map(t.Context(), netip.AddrPortFrom(m.router.local(), 5000))
	if err != nil || public != netip.MustParseAddrPort("203.0.113.7:4660") {
		t.Fatalf("%v, %v", public, err)
	}
	m.Close()
	var last []byte
	for len(requests) > 0 {
		last = <-requests
	}
	if len(last) != 12 || last[1] != 2 || binary.BigEndian.Uint16(last[4:]) != 5000 || binary.BigEndian.Uint32(last[8:]) != 0 {
		t.Errorf("the last request is %x", last)
	}
}

func TestHostileGateways(t *testing.T) {
	tests := []struct {
		name   string
		addr   string
		answer func(request, answer []byte) []byte
	}{
		{"silent", "127.0.53.2", func(_, _ []byte) []byte { return nil }},
		{"silent about ports", "127.0.53.3", func(request, answer []byte) []byte {
			if len(request) > 2 {
				return nil
			}
			return answer
		}},
		{"another port", "127.0.53.4", func(request, answer []byte) []byte {
			if len(request) > 2 {
				answer[9]++
			}
			return answer
		}},
		{"port 0", "127.0.53.5", func(request, answer []byte) []byte {
			if len(request) > 2 {
				answer[10], answer[11] = 0, 0
			}
			return answer
		}},
		{"a life of nothing", "127.0.53.9", func(request, answer []byte) []byte {
			if len(request) > 2 {
				clear(answer[12:])
			}
			return answer
		}},
		{"refuses", "127.0.53.6", func(_, answer []byte) []byte {
			answer[3] = 2
			return answer
		}},
		{"short", "127.0.53.7", func(_, answer []byte) []byte { return answer[:3] }},
		{"no address", "127.0.53.8", func(request, answer []byte) []byte {
			if len(request) == 2 {
				copy(answer[8:], []byte{0, 0, 0, 0})
			}
			return answer
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			gw := netip.MustParseAddr(tt.addr)
			gatewayAt(t, gw, tt.answer)
			m := mapper(t, func(ctx context.Context) (router, error) { return findNATPMP(ctx, netip.AddrPortFrom(gw, natPMPPort)) })
			local, _ := localTowards(gw)
			start := time.Now()
			if public, err := m.Map(t.Context(), netip.AddrPortFrom(local, 5000)); err == nil {
				t.Errorf("mapped at %v", public)
			}
			if took := time.Since(start); took > 2*mapTimeout {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestAsksFromItsAddress has requests come from the address that ports are mapped
// to, though the way to the gateway may be another by now.
func TestAsksFromItsAddress(t *testing.T) {
	gw, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	r := &natPMP{gateway: gw.LocalAddr().(*net.UDPAddr).AddrPort(), host: netip.MustParseAddr("127.0.53.30")}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() { asked <- r.remove(ctx, 5000, 5000) }()
	_, from, err := gw.ReadFromUDPAddrPort(make([]byte, 100))
	cancel()
	if err != nil || from.Addr() != r.host {
		t.Errorf("from %v, %v", from, err)
	}
	if err := <-asked; !errors.Is(err, context.Canceled) {
		t.Errorf("an answer that did not come: %v", err)
	}
}

// TestEpoch tells a router that was started again from one whose clock is off.
func TestEpoch(t *testing.T) {
	tests := []struct {
		name    string
		seconds uint32 // said at first
		passed  time.Duration
		then    uint32 // said after that
		want    bool
	}{
		{"in step", 1000, time.Hour, 4600, true},
		{"slow", 1000, time.Hour, 1000 + 3600*7/8, true},
		{"too slow", 1000, time.Hour, 1000 + 3600*7/8 - 3, false},
		{"fast, or we were asleep", 1000, time.Second, 90000, true},
		{"rounded", 1000, 0, 998, true},
		{"started again", 1000, time.Minute, 5, false},
		{"counter at its end", 1<<32 - 1, time.Minute, 59, false},
		{"never counts", 0, time.Hour, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e epoch
			now := time.Unix(1e9, 0)
			if !e.continues(tt.seconds, now) {
				t.Error("forgotten at first")
			}
			if got := e.continues(tt.then, now.Add(tt.passed)); got != tt.want {
				t.Errorf("%v", got)
			}
		})
	}
}
