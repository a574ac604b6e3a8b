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

// batch holds the memory that the kernel fills and reads.
type batch struct {
	raw syscall.RawConn
	ip6 bool

	in        ring
	buffers   [BatchSize][]byte
	received  [BatchSize]Datagram
	inCount   int
	inErr     error
	receiveFn func(fd uintptr) bool
	tryFn     func(fd uintptr) bool

	out      ring
	sending  []Datagram
	outCount int
	outErr   error
	sendFn   func(fd uintptr) bool
}

// ring is the headers of one direction, linked to their addresses and buffers.
type ring struct {
	msgs  [BatchSize]mmsghdr
	iovs  [BatchSize]unix.Iovec
	addrs [BatchSize]unix.RawSockaddrInet6 // large enough for either family
}

func (r *ring) init() {
	for i := range r.msgs {
		h := &r.msgs[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&r.addrs[i]))
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
	}
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
	// Made once: a closure per call would be an allocation per call.
	b.receiveFn = b.receive
	b.tryFn = func(fd uintptr) bool { b.receive(fd); return true }
	b.sendFn = b.send
	return nil
}

// Receive waits for at least one datagram and returns what has arrived, at most
// BatchSize. The result is valid until the next call.
func (c *Conn) Receive() ([]Datagram, error) { return c.batch.take(c.batch.receiveFn) }

// TryReceive is Receive without the wait: it returns nothing when nothing is there.
func (c *Conn) TryReceive() ([]Datagram, error) { return c.batch.take(c.batch.tryFn) }

func (b *batch) take(receive func(fd uintptr) bool) ([]Datagram, error) {
	if err := b.raw.Read(receive); err != nil {
		return nil, err
	}
	if b.inErr != nil {
		return nil, b.inErr
	}
	for i := range b.inCount {
		m := &b.in.msgs[i]
		b.received[i] = Datagram{Addr: b.addrPort(&b.in.addrs[i]), Data: b.buffers[i][:m.len]}
	}
	return b.received[:b.inCount], nil
}

func (b *batch) receive(fd uintptr) bool {
	for i := range b.in.msgs {
		b.in.msgs[i].hdr.Namelen = uint32(unsafe.Sizeof(b.in.addrs[i]))
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in.msgs[0])),
		BatchSize, unix.MSG_DONTWAIT, 0, 0)
	b.inCount, b.inErr = int(n), nil
	switch errno {
	case 0:
		return true
	case unix.EAGAIN, unix.EINTR:
		b.inCount = 0
		return false
	default:
		b.inCount, b.inErr = 0, errno
		return true
	}
}

// Send sends the datagrams in order. What cannot be sent is left out and
// counted: to the protocol it is one more lost packet.
func (c *Conn) Send(datagrams []Datagram) (lost int, err error) {
	b := &c.batch
	for len(datagrams) > 0 {
		b.sending = datagrams[:min(len(datagrams), BatchSize)]
		for i := range b.sending {
			b.prepare(i, &b.sending[i])
		}
		if err := b.raw.Write(b.sendFn); err != nil {
			return lost + len(datagrams), err
		}
		done := b.outCount
		if b.outErr != nil {
			// The kernel refused the first datagram of those that remain.
			err = b.outErr
			lost++
			done++
		}
		datagrams = datagrams[done:]
	}
	b.sending = nil
	return lost, err
}

func (b *batch) prepare(i int, d *Datagram) {
	iov := &b.out.iovs[i]
	iov.Base = unsafe.SliceData(d.Data)
	iov.SetLen(len(d.Data))
	b.out.msgs[i].hdr.Namelen = b.setAddr(&b.out.addrs[i], d.Addr)
}

func (b *batch) send(fd uintptr) bool {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out.msgs[0])),
		uintptr(len(b.sending)), unix.MSG_DONTWAIT, 0, 0)
	b.outCount, b.outErr = int(n), nil
	switch errno {
	case 0:
		return true
	case unix.EAGAIN, unix.EINTR:
		b.outCount = 0
		return false
	default:
		b.outCount, b.outErr = 0, errno
		return true
	}
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
