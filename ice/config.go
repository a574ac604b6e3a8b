// Package ice connects two devices by TCP, through whichever of their addresses
// it can: an ICE-TCP agent as Jami peers understand it.
//
//	a, err := ice.Listen(ctx, ice.Config{Addrs: addrs})
//	tell the peer a.Description(), learn its own
//	conn, err := a.Connect(ctx, theirs)
//
// The connection is a byte stream. Underneath, it stays in frames for its whole
// life, with keepalives and late checks between those of the stream.
//
// Source: peer spec 2; RFC 5245, RFC 6544, RFC 4571.
package ice

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"rollcall/ice/internal/agent"
)

// Reasons why there is no connection, for errors.Is.
var (
	ErrNoPair       = agent.ErrNoPair       // no candidates of ours fit those of the peer
	ErrUnreachable  = agent.ErrUnreachable  // no candidate of the peer could be reached
	ErrNotNominated = agent.ErrNotNominated // the peer chose no connection of those that stood
	ErrTimeout      = agent.ErrTimeout      // time ran out
	ErrFull         = agent.ErrFull         // one candidate more than peers read
	ErrStarted      = agent.ErrStarted      // the checks have begun, it is too late for that
)

// Config says how an agent is reached and how it connects.
type Config struct {
	// Controlling is the role: that of the answerer of a request. It chooses the
	// connection, and is the client of what runs over it (peer spec 1.4, 3).
	Controlling bool
	// Addrs are the addresses of this host to offer, at most MaxAddrs, the
	// preferred ones first. Peers are connected to from any of their families.
	Addrs []netip.Addr
	// Listen opens a listener; port 0 asks for any. Nil listens by TCP.
	Listen func(ctx context.Context, addr netip.AddrPort) (net.Listener, error)
	// Dial connects to a peer. Nil dials by TCP.
	Dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}

// Validate returns all mistakes of the configuration at once.
func (c Config) Validate() error {
	var errs []error
	if len(c.Addrs) == 0 || len(c.Addrs) > MaxAddrs {
		errs = append(errs, fmt.Errorf("ice: %d addresses, want 1 to %d", len(c.Addrs), MaxAddrs))
	}
	for _, addr := range c.Addrs {
		if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() {
			errs = append(errs, fmt.Errorf("ice: %v is not the address of a host", addr))
		}
	}
	return errors.Join(errs...)
}

// probes are the system's, by which it notices that a silent peer is gone. They are
// for connections without beacons: where these go, the system never sees silence.
var probes = net.KeepAliveConfig{Enable: true, Idle: time.Minute}

func listenTCP(ctx context.Context, addr netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: probes}
	return lc.Listen(ctx, "tcp", addr.String())
}

func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: probes}
	return d.DialContext(ctx, "tcp", addr.String())
}
