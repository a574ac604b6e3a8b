// Package relay lets peers connect to this host at a TURN server, by TCP on both
// sides: what a device offers when nothing reaches it directly.
//
//	ln, err := server.Listen(ctx)
//	tell the peer ln.Addr(), learn its addresses
//	ln.Permit(addrs)
//	conn, err := ln.Accept()
//
// Each listener is an allocation of its own, with its own connection to the
// server: so two peers behind one address are never taken for each other, and
// nothing outlives the attempt that it was made for.
//
// Source: RFC 5766, RFC 6062; peer spec 2.5.
package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
)

// defaultPort is that of TURN by TCP (RFC 5766 6.1).
const defaultPort = "3478"

// Reasons why there is no listener, for errors.Is.
var (
	// ErrRefused reports a server that does not serve us, most often for the user
	// name, the password or the realm.
	ErrRefused = errors.New("the relay refuses")
	// ErrProtocol reports a server that answers nonsense.
	ErrProtocol = errors.New("the relay does not speak TURN by TCP")
)

// Server is a TURN server, and who we are there.
type Server struct {
	Addr     string // HOST or HOST:PORT
	Username string
	Password string
	Realm    string // empty: any that the server names

	// Dial connects to the server. Nil dials by TCP.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Validate reports an address that cannot be one.
func (s Server) Validate() error {
	host, port, err := net.SplitHostPort(s.hostPort())
	if _, noIP := netip.ParseAddr(host); err != nil || host == "" || noIP != nil && strings.Contains(host, ":") {
		return fmt.Errorf("relay: %q is not HOST or HOST:PORT", s.Addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("relay: %q has no such port", s.Addr)
	}
	return nil
}

func (s Server) hostPort() string {
	if addr, err := netip.ParseAddr(s.Addr); err == nil {
		return net.JoinHostPort(addr.String(), defaultPort)
	}
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		return net.JoinHostPort(s.Addr, defaultPort)
	}
	return s.Addr
}

func (s Server) dial(ctx context.Context) (net.Conn, error) {
	dial := s.Dial
	if dial == nil {
		var d net.Dialer
		dial = d.DialContext
	}
	return dial(ctx, "tcp", s.hostPort())
}

// Listen has the server listen for us. ctx bounds this call only.
func (s Server) Listen(ctx context.Context) (*Listener, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("relay %s: %w", s.Addr, err)
	}
	l := newListener(s, conn)
	stop := context.AfterFunc(ctx, func() { l.fail(context.Cause(ctx)) })
	err = l.allocate(ctx)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("relay %s: %w", s.Addr, err)
	}
	l.tasks.Go(l.refresh)
	return l, nil
}

// allocate asks for an address at the server (RFC 5766 6.1, RFC 6062 4.1).
func (l *Listener) allocate(ctx context.Context) error {
	request := []stun.Setter{stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{protocolTCP, 0, 0, 0}}}
	if local, ok := l.control.LocalAddr().(*net.TCPAddr); ok && local.IP.To4() == nil {
		// Of the family in which we reach it: the other needs nobody's help.
		request = append(request, stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{familyIPv6, 0, 0, 0}})
	}
	answer, err := l.ask(ctx, stun.MethodAllocate, request...)
	if err != nil {
		return err
	}
	var relayed, mapped stun.XORMappedAddress
	if err := relayed.GetFromAs(answer, stun.AttrXORRelayedAddress); err != nil {
		return fmt.Errorf("%w: no address", ErrProtocol)
	}
	l.addr = tcpAddr(relayed)
	if !validPeer(l.addr.AddrPort().Addr()) || l.addr.Port == 0 {
		return fmt.Errorf("%w: it listens at %v", ErrProtocol, l.addr)
	}
	if mapped.GetFrom(answer) == nil {
		l.reflexive = tcpAddr(mapped).AddrPort().Addr().Unmap()
	}
	l.lifetime = lifetime(answer)
	return nil
}

// refresh keeps the allocation alive until the end.
func (l *Listener) refresh() {
	for {
		select {
		case <-time.After(l.lifetime / 2):
		case <-l.ctx.Done():
			return
		}
		ctx, cancel := context.WithTimeout(l.ctx, askTimeout)
		answer, err := l.ask(ctx, stun.MethodRefresh)
		cancel()
		if err != nil {
			l.fail(err)
			return
		}
		l.lifetime = lifetime(answer)
	}
}
