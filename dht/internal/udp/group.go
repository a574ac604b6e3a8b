package udp

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// ListenGroup opens a socket that receives what is sent to a multicast group, on
// every interface that can. Several programs of the machine may do so.
func ListenGroup(ctx context.Context, group netip.AddrPort) (*net.UDPConn, error) {
	network, any := "udp4", netip.IPv4Unspecified()
	if group.Addr().Is6() {
		network, any = "udp6", netip.IPv6Unspecified()
	}
	lc := net.ListenConfig{Control: shareAddress}
	c, err := lc.ListenPacket(ctx, network, netip.AddrPortFrom(any, group.Port()).String())
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	if err := joinGroup(conn, group); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// joinGroup joins on every interface that can; one is enough.
func joinGroup(conn *net.UDPConn, group netip.AddrPort) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	joined := false
	addr := net.UDPAddrFromAddrPort(group)
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&(net.FlagMulticast|net.FlagLoopback) == 0 {
			continue
		}
		if group.Addr().Is6() {
			err = ipv6.NewPacketConn(conn).JoinGroup(&i, addr)
		} else {
			err = ipv4.NewPacketConn(conn).JoinGroup(&i, addr)
		}
		joined = joined || err == nil
	}
	if !joined {
		return fmt.Errorf("no interface joins %v: %w", group.Addr(), err)
	}
	return nil
}
