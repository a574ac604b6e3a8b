// Package peer is a node that only answers: the neighbourhood and the listeners
// of a server under test, each at an address of its own.
package peer

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"rollcall/bench/wire"
)

const (
	replyTimeout = 500 * time.Millisecond
	tries        = 6
	maxDatagram  = 2048
	// named is how many nodes an answer names, as everywhere on the network.
	named = 8
)

var errNoReply = errors.New("peer: no reply from the server")

// Node is one peer. Its requests are made by one caller at a time.
type Node struct {
	ID      wire.ID
	Addr    netip.AddrPort
	nodes   []byte // what its answers name: 26 bytes each
	conn    *net.UDPConn
	tid     uint32
	replies chan []byte
}

// Group is nodes that name one another.
type Group []*Node

// NewGroup opens n nodes. Close ends them.
func NewGroup(n int) (Group, error) {
	var g Group
	for range n {
		p, err := open()
		if err != nil {
			g.Close()
			return nil, err
		}
		g = append(g, p)
	}
	for i, p := range g {
		for j := range min(named, n) {
			p.nodes = g[(i+j+1)%n].appendInfo(p.nodes)
		}
		go p.serve()
	}
	return g, nil
}

// Close ends the nodes.
func (g Group) Close() {
	for _, p := range g {
		_ = p.conn.Close()
	}
}

func open() (*Node, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("open peer: %w", err)
	}
	n := &Node{
		Addr:    conn.LocalAddr().(*net.UDPAddr).AddrPort(),
		conn:    conn,
		replies: make(chan []byte, 16),
	}
	_, _ = rand.Read(n.ID[:])
	return n, nil
}

// appendInfo appends the node as an element of n4.
func (n *Node) appendInfo(b []byte) []byte {
	ip := n.Addr.Addr().Unmap().As4()
	b = append(append(b, n.ID[:]...), ip[:]...)
	return binary.BigEndian.AppendUint16(b, n.Addr.Port())
}

// serve answers every request until the socket is closed.
func (n *Node) serve() {
	buf, out := make([]byte, maxDatagram), make([]byte, 0, maxDatagram)
	for {
		size, from, err := n.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, ok := wire.Parse(buf[:size])
		switch {
		case !ok:
		case m.Kind == wire.Query:
			_, _ = n.conn.WriteToUDPAddrPort(wire.AppendAnswer(out, &m, n.ID, n.nodes), from)
		case m.Kind == wire.Reply || m.Kind == wire.Error:
			select {
			case n.replies <- append([]byte(nil), buf[:size]...):
			default: // nobody waits for it
			}
		}
	}
}

// Token asks the server at addr for a token.
func (n *Node) Token(addr netip.AddrPort) ([]byte, error) {
	m, err := n.call(addr, wire.Find(), wire.Fields{Key: n.ID})
	return m.Token, err
}

// Listen asks the server at addr for the changes at key.
func (n *Node) Listen(addr netip.AddrPort, token []byte, key wire.ID, socket uint32) error {
	m, err := n.call(addr, wire.Listen(token), wire.Fields{Key: key, Socket: socket})
	if err == nil && m.Kind == wire.Error {
		err = fmt.Errorf("listen refused with code %d", m.Code)
	}
	return err
}

func (n *Node) call(addr netip.AddrPort, t *wire.Template, f wire.Fields) (wire.Message, error) {
	n.tid++
	f.TID, f.Node = n.tid, n.ID
	for range tries {
		if _, err := n.conn.WriteToUDPAddrPort(t.Append(nil, &f), addr); err != nil {
			return wire.Message{}, fmt.Errorf("peer: send: %w", err)
		}
		timeout := time.After(replyTimeout)
		for waiting := true; waiting; {
			select {
			case p := <-n.replies:
				if m, ok := wire.Parse(p); ok && m.TID == f.TID|wire.WideTID {
					return m, nil
				}
			case <-timeout:
				waiting = false
			}
		}
	}
	return wire.Message{}, errNoReply
}
