// Package udp is a UDP socket that sends and receives in batches, one system
// call for up to Batch datagrams, so that the load generator costs less than the
// server it loads.
package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// Batch is the largest number of datagrams per system call.
	Batch = 64
	// MaxDatagram is the room for one datagram; the network's largest are 1.3 KB.
	MaxDatagram = 2048
	// bufferSize is asked of the kernel for each direction: the bursts of 256
	// answers in twenty parts each must not be lost on the generator's side.
	bufferSize = 64 << 20
)

// message is struct mmsghdr of Linux on 64-bit machines.
type message struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// ring is one direction of a Conn: Batch buffers and the headers over them.
type ring struct {
	messages [Batch]message
	vectors  [Batch]unix.Iovec
	names    [Batch]unix.RawSockaddrInet4
	buffers  [Batch][MaxDatagram]byte
}

func newRing(named bool) *ring {
	r := &ring{}
	for i := range r.messages {
		r.vectors[i].Base = &r.buffers[i][0]
		r.vectors[i].SetLen(MaxDatagram)
		h := &r.messages[i].header
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		if named {
			h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
			h.Namelen = unix.SizeofSockaddrInet4
		}
	}
	return r
}

// Conn is a blocking IPv4 socket. It is not safe for concurrent use.
type Conn struct {
	fd      int
	in, out *ring
	queued  int
	wait    time.Duration
}

// Dial returns a socket that talks to server alone.
func Dial(server netip.AddrPort) (*Conn, error) {
	c, err := open(false)
	if err != nil {
		return nil, err
	}
	to := unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}
	if err := unix.Connect(c.fd, &to); err != nil {
		c.Close()
		return nil, fmt.Errorf("connect to %v: %w", server, err)
	}
	return c, nil
}

// Listen returns a socket bound to addr, for Echo.
func Listen(addr netip.AddrPort) (*Conn, error) {
	c, err := open(true)
	if err != nil {
		return nil, err
	}
	at := unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	if err := unix.Bind(c.fd, &at); err != nil {
		c.Close()
		return nil, fmt.Errorf("bind %v: %w", addr, err)
	}
	return c, nil
}

func open(named bool) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	for _, forced := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
		// Only root may; others keep what the system grants.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, forced, bufferSize)
	}
	return &Conn{fd: fd, in: newRing(named), out: newRing(named)}, nil
}

// Close releases the socket.
func (c *Conn) Close() error { return unix.Close(c.fd) }

// Buffer returns the empty buffer of the next datagram to send; Queue takes it.
func (c *Conn) Buffer() []byte { return c.out.buffers[c.queued][:0] }

// Room returns how many datagrams may still be queued before Flush.
func (c *Conn) Room() int { return Batch - c.queued }

// Queue takes b, which was built in the slice that Buffer returned.
func (c *Conn) Queue(b []byte) {
	c.out.vectors[c.queued].SetLen(len(b))
	c.queued++
}

// Flush sends what is queued.
func (c *Conn) Flush() error {
	for sent := 0; sent < c.queued; {
		n, err := c.call(unix.SYS_SENDMMSG, c.out, sent, c.queued-sent, 0)
		if errors.Is(err, unix.ECONNREFUSED) {
			// A pending ICMP error of an earlier datagram; this one was not sent.
			continue
		}
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		sent += n
	}
	c.queued = 0
	return nil
}

// Receive waits up to wait for datagrams and returns how many came; zero wait
// returns at once. Datagram i holds until the next Receive.
func (c *Conn) Receive(wait time.Duration) (int, error) {
	flags := unix.MSG_WAITFORONE
	if wait == 0 {
		flags = unix.MSG_DONTWAIT
	} else if wait != c.wait {
		tv := unix.NsecToTimeval(int64(wait))
		if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			return 0, fmt.Errorf("set timeout: %w", err)
		}
		c.wait = wait
	}
	n, err := c.call(unix.SYS_RECVMMSG, c.in, 0, Batch, flags)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNREFUSED) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("receive: %w", err)
	}
	return n, nil
}

// Datagram returns datagram i of the last Receive.
func (c *Conn) Datagram(i int) []byte {
	return c.in.buffers[i][:min(c.in.messages[i].length, MaxDatagram)]
}

// Echo sends the first n datagrams of the last Receive back to their senders.
func (c *Conn) Echo(n int) error {
	for i := range n {
		b := c.Datagram(i)
		c.out.names[i] = c.in.names[i]
		c.Queue(append(c.Buffer(), b...))
	}
	return c.Flush()
}

func (c *Conn) call(trap uintptr, r *ring, from, n, flags int) (int, error) {
	got, _, errno := syscall.Syscall6(trap, uintptr(c.fd), uintptr(unsafe.Pointer(&r.messages[from])),
		uintptr(n), uintptr(flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}
