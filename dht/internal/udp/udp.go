// Package udp moves UDP datagrams in batches: on Linux, one system call receives
// or sends many of them, without an allocation.
package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

const (
	// BatchSize is the number of datagrams that one call receives at most. Larger
	// ones save little, and the first answer of a batch waits for the last.
	BatchSize = 8
	// maxDatagram is the size of the largest UDP payload.
	maxDatagram = 65535
	// socketBuffer is the size asked for the kernel's queues: a node that joins
	// is at once sent find, get, listen and put by all its new neighbours.
	socketBuffer = 4 << 20
)

// Datagram is a payload with the address that it comes from or goes to.
type Datagram struct {
	Addr netip.AddrPort
	Data []byte
}

// Conn is a UDP socket of one address family. Receive must not be called by two
// goroutines at a time, nor may Send; both may run side by side.
type Conn struct {
	*net.UDPConn
	batch batch
}

// Listen opens a socket on addr, whose family decides what it can reach. Port 0
// picks a free one.
func Listen(addr netip.AddrPort) (*Conn, error) {
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		var refused *net.OpError
		if errors.As(err, &refused) {
			err = refused.Err // the rest is said already
		}
		return nil, fmt.Errorf("listen on UDP %v: %w", addr, err)
	}
	// Smaller queues than asked for only cost packets under load.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	c := &Conn{UDPConn: conn}
	if err := c.batch.init(conn, addr.Addr().Is6()); err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen on UDP %v: %w", addr, err)
	}
	return c, nil
}
