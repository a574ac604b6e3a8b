package netns

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxFrame is an Ethernet frame of the interfaces' MTU with a VLAN tag.
	maxFrame = 1500 + 18
	// wireFrames bounds the frames that are on their way from one host.
	wireFrames = 8192
)

// Impairment is what a network does to the IP packets that a host sends.
// Address resolution is spared, as between two routers. The zero value is a
// perfect network.
type Impairment struct {
	Loss  float64       // share of packets lost, 0 to 1
	Delay time.Duration // time that the others take
}

// netSwitch is a learning Ethernet switch between TAP interfaces.
type netSwitch struct {
	mu    sync.Mutex // protects all below
	ports []*port
	where map[[6]byte]*port // by hardware address
	loss  *rand.Rand
}

// port is where one host is plugged in.
type port struct {
	tap        *os.File
	impairment atomic.Pointer[Impairment]
	unplugged  atomic.Bool
}

// frame is an Ethernet frame on its way.
type frame struct {
	bytes []byte
	due   time.Time
}

func newSwitch() *netSwitch {
	// Seeded: no run of a test is luckier than another.
	return &netSwitch{where: make(map[[6]byte]*port), loss: rand.New(rand.NewPCG(1, 2))}
}

// plug adds a port and takes over tap.
func (s *netSwitch) plug(tap *os.File) *port {
	p := &port{tap: tap}
	p.impairment.Store(&Impairment{})
	s.mu.Lock()
	s.ports = append(s.ports, p)
	s.mu.Unlock()
	// One queue per sender keeps its packets in order, as a wire does.
	wire := make(chan frame, wireFrames)
	go s.receive(p, wire)
	go s.carry(p, wire)
	return p
}

// close ends all ports and their goroutines.
func (s *netSwitch) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.ports {
		p.tap.Close()
	}
}

func (s *netSwitch) impair(i Impairment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.ports {
		p.impairment.Store(&i)
	}
}

// receive puts the frames that the host of p sends on the wire, until the
// interface is closed.
func (s *netSwitch) receive(p *port, wire chan<- frame) {
	defer close(wire)
	buf := make([]byte, maxFrame)
	for {
		n, err := p.tap.Read(buf)
		if err != nil {
			return
		}
		impairment := p.impairment.Load()
		if n < 14 || p.unplugged.Load() || isPacket(buf[:n]) && s.loses(impairment.Loss) {
			continue
		}
		select {
		case wire <- frame{append([]byte(nil), buf[:n]...), time.Now().Add(impairment.Delay)}:
		default: // a full queue drops, as everywhere
		}
	}
}

// carry delivers the frames of p when they are due.
func (s *netSwitch) carry(p *port, wire <-chan frame) {
	for f := range wire {
		time.Sleep(time.Until(f.due))
		for _, to := range s.targets(p, f.bytes) {
			if !to.unplugged.Load() {
				// An interface that is down or gone refuses: the frame is lost.
				_, _ = to.tap.Write(f.bytes)
			}
		}
	}
}

// targets learns where the sender of a frame is, and returns where it goes:
// one port, or all others for a broadcast or an unknown address.
func (s *netSwitch) targets(from *port, b []byte) []*port {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.where[[6]byte(b[6:12])] = from
	if to := s.where[[6]byte(b[:6])]; to != nil {
		return []*port{to}
	}
	var all []*port
	for _, p := range s.ports {
		if p != from {
			all = append(all, p)
		}
	}
	return all
}

func (s *netSwitch) loses(share float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return share > 0 && s.loss.Float64() < share
}

// isPacket reports whether a frame carries an IP packet that is not part of
// IPv6 address resolution.
func isPacket(b []byte) bool {
	switch binary.BigEndian.Uint16(b[12:]) {
	case unix.ETH_P_IP:
		return true
	case unix.ETH_P_IPV6:
		return len(b) > 20 && b[20] != unix.IPPROTO_ICMPV6
	}
	return false
}

// openTAP makes a TAP interface in the thread's network namespace. It goes
// away when the file is closed.
func openTAP(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("making a TAP interface: %w", err)
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil
}
