//go:build linux && (amd64 || arm64)

package udp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of sendmmsg(2) on 64-bit Linux.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   uint32
}

// batch holds the memory that the kernel fills and reads. Its functions are made
// once: a closure per call would be an allocation per call.
type batch struct {
	raw syscall.RawConn
	ip6 bool

	in       ring
	buffers  [BatchSize][]byte
	received [BatchSize]Datagram
	wait     func(fd uintptr) bool
	try      func(fd uintptr) bool

	out  ring
	size int // datagrams to be sent
	send func(fd uintptr) bool
}

// ring is the headers of one direction, linked to their addresses and buffers, and
// the outcome of the last call.
type ring struct {
	msgs  [BatchSize]mmsghdr
	iovs  [BatchSize]unix.Iovec
	addrs [BatchSize]unix.RawSockaddrInet6 // large enough for either family
	moved int
	err   error
}

func (r *ring) init() {
	for i := range r.msgs {
		h := &r.msgs[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&r.addrs[i]))
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
	}
}

// move receives or sends up to n datagrams by one system call. It reports false when
// that must wait for the socket. The call never waits itself, so the scheduler is not
// told of it: it would watch for long ones at a price, and give the processor away.
func (r *ring) move(call, fd uintptr, n int) bool {
	moved, _, errno := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&r.msgs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	r.moved, r.err = 0, nil
	switch errno {
	case 0:
		r.moved = int(moved)
	case unix.EAGAIN, unix.EINTR:
		return false
	default:
		r.err = errno
	}
	return true
}

func (b *batch) init(conn *net.UDPConn, ip6 bool) (err error) {
	if b.raw, err = conn.SyscallConn(); err != nil {
		return err
	}
	b.ip6 = ip6
	b.in.init()
	b.out.init()
	memory := make([]byte, BatchSize*maxDatagram)
	for i := range b.buffers {
		b.buffers[i] = memory[i*maxDatagram : (i+1)*maxDatagram]
		b.in.iovs[i].Base = &b.buffers[i][0]
		b.in.iovs[i].SetLen(maxDatagram)
	}
	b.wait = b.receive
	b.try = func(fd uintptr) bool { b.receive(fd); return true }
	b.send = func(fd uintptr) bool { return b.out.move(unix.SYS_SENDMMSG, fd, b.size) }
	return nil
}

// Receive waits for at least one datagram and returns what has arrived, at most
// BatchSize. The result is valid until the next call.
func (c *Conn) Receive() ([]Datagram, error) { return c.batch.take(c.batch.wait) }

// TryReceive is Receive without the wait: it returns nothing when nothing is there.
func (c *Conn) TryReceive() ([]Datagram, error) { return c.batch.take(c.batch.try) }

func (b *batch) take(receive func(fd uintptr) bool) ([]Datagram, error) {
	if err := b.raw.Read(receive); err != nil {
		return nil, err
	}
	for i := range b.in.moved {
		b.received[i] = Datagram{Addr: b.addrPort(&b.in.addrs[i]), Data: b.buffers[i][:b.in.msgs[i].len]}
	}
	return b.received[:b.in.moved], b.in.err
}

func (b *batch) receive(fd uintptr) bool {
	for i := range b.in.msgs {
		b.in.msgs[i].hdr.Namelen = uint32(unsafe.Sizeof(b.in.addrs[i]))
	}
	return b.in.move(unix.SYS_RECVMMSG, fd, BatchSize)
}

// Send sends the datagrams in order. What cannot be sent is left out and
// counted: to the protocol it is one more lost packet.
func (c *Conn) Send(datagrams []Datagram) (lost int, err error) {
	b := &c.batch
	for len(datagrams) > 0 {
		b.size = min(len(datagrams), BatchSize)
		for i := range b.size {
			b.prepare(i, &datagrams[i])
		}
		if err := b.raw.Write(b.send); err != nil {
			return lost + len(datagrams), err
		}
		done := b.out.moved
		if b.out.err != nil {
			// The kernel refused the first datagram of those that remain.
			err = b.out.err
			lost++
			done++
		}
		datagrams = datagrams[done:]
	}
	return lost, err
}

func (b *batch) prepare(i int, d *Datagram) {
	iov := &b.out.iovs[i]
	iov.Base = unsafe.SliceData(d.Data)
	iov.SetLen(len(d.Data))
	b.out.msgs[i].hdr.Namelen = b.setAddr(&b.out.addrs[i], d.Addr)
}

// The port of a socket address is in network order, whatever the machine's.
func swapPort(port *uint16) *[2]byte { return (*[2]byte)(unsafe.Pointer(port)) }

func (b *batch) addrPort(a *unix.RawSockaddrInet6) netip.AddrPort {
	if a.Family == unix.AF_INET {
		a4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
		return netip.AddrPortFrom(netip.AddrFrom4(a4.Addr), binary.BigEndian.Uint16(swapPort(&a4.Port)[:]))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), binary.BigEndian.Uint16(swapPort(&a.Port)[:]))
}

func (b *batch) setAddr(a *unix.RawSockaddrInet6, to netip.AddrPort) uint32 {
	if !b.ip6 {
		a4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
		a4.Family = unix.AF_INET
		a4.Addr = to.Addr().Unmap().As4()
		binary.BigEndian.PutUint16(swapPort(&a4.Port)[:], to.Port())
		return unix.SizeofSockaddrInet4
	}
	a.Family = unix.AF_INET6
	a.Addr = to.Addr().As16()
	binary.BigEndian.PutUint16(swapPort(&a.Port)[:], to.Port())
	return unix.SizeofSockaddrInet6
}
