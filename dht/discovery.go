package dht

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"rollcall/dht/internal/udp"
	"rollcall/dht/internal/wire"
)

// LAN discovery (opendht spec 9).
const (
	discoveryPort  = 8888
	discoveryFirst = 10 * time.Second // between two announces, doubled up to
	discoveryMost  = 60 * time.Second
	maxDiscovery   = 4096 // bytes read of one message
)

var (
	discoveryGroup4 = netip.AddrFrom4([4]byte{239, 192, 0, 1})
	discoveryGroup6 = netip.MustParseAddr("ff08::101")
)

// discover announces the node in the local network, answers those who ask, and
// meets those who announce themselves. A family that cannot is left out.
func (n *Node) discover() {
	for _, c := range n.conns {
		group := netip.AddrPortFrom(discoveryGroup4, discoveryPort)
		if c.ip6 {
			group = netip.AddrPortFrom(discoveryGroup6, discoveryPort)
		}
		socket, err := udp.ListenGroup(n.ctx, group)
		if err != nil {
			n.log.Warn("no discovery in the local network", "err", err)
			continue
		}
		context.AfterFunc(n.ctx, func() { socket.Close() })
		announce := wire.Announce{ID: n.ID(), Port: n.Port(), Network: n.cfg.Network}.Append(nil)
		n.wg.Go(func() { n.hearNeighbours(socket, announce) })
		n.wg.Go(func() { n.announceLocally(socket, group, announce) })
	}
}

func (n *Node) announceLocally(socket *net.UDPConn, group netip.AddrPort, announce []byte) {
	pause := discoveryFirst
	for {
		// Without a network there is nobody to hear it; the next turn tries again.
		_, _ = socket.WriteToUDPAddrPort(announce, group)
		_, _ = socket.WriteToUDPAddrPort(wire.AppendDiscoveryQuery(nil), group)
		again := make(chan struct{})
		timer := n.clock.AfterFunc(pause, func() { close(again) })
		select {
		case <-again:
		case <-n.ctx.Done():
			timer.Stop()
			return
		}
		pause = min(2*pause, discoveryMost)
	}
}

func (n *Node) hearNeighbours(socket *net.UDPConn, announce []byte) {
	buf := make([]byte, maxDiscovery)
	for {
		size, from, err := socket.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		a, found, query, err := wire.ParseDiscovery(buf[:size])
		switch {
		case err != nil:
			n.log.Debug("discovery", "from", from, "err", err)
		case query:
			_, _ = socket.WriteToUDPAddrPort(announce, from)
		case found && a.Network == n.cfg.Network && a.ID != n.ID():
			at := netip.AddrPortFrom(from.Addr().Unmap(), a.Port)
			n.do(func(now time.Time) { n.engine.Meet(now, wire.Node{ID: a.ID, Addr: at}) })
		}
	}
}
