//go:build !linux || !(amd64 || arm64)

package udp

import "net"

// batch holds the buffer of a socket on systems without batched calls.
type batch struct {
	buf []byte
	one [1]Datagram
}

func (b *batch) init(*net.UDPConn, bool) error {
	b.buf = make([]byte, maxDatagram)
	return nil
}

// Receive waits for at least one datagram and returns what has arrived. The
// result is valid until the next call.
func (c *Conn) Receive() ([]Datagram, error) {
	n, from, err := c.ReadFromUDPAddrPort(c.batch.buf)
	if err != nil {
		return nil, err
	}
	c.batch.one[0] = Datagram{Addr: from, Data: c.batch.buf[:n]}
	return c.batch.one[:], nil
}

// Send sends the datagrams in order. What cannot be sent is left out and
// counted: to the protocol it is one more lost packet.
func (c *Conn) Send(datagrams []Datagram) (lost int, err error) {
	for _, d := range datagrams {
		if _, e := c.WriteToUDPAddrPort(d.Data, d.Addr); e != nil {
			lost++
			err = e
		}
	}
	return lost, err
}
