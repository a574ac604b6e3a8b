package dht

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// LookupFunc resolves a host name to its addresses.
type LookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// lookupTimeout bounds the resolution of one name.
const lookupTimeout = 10 * time.Second

// splitBootstrap reads HOST, HOST:PORT, IPv6 or [IPv6]:PORT.
func splitBootstrap(s string) (host string, port uint16, err error) {
	if addr, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return addr.String(), DefaultPort, nil
	}
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		host, text = s, strconv.Itoa(DefaultPort)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, " /[]") {
		return "", 0, fmt.Errorf("bootstrap node %q: want HOST or HOST:PORT", s)
	}
	return host, uint16(n), nil
}

// Resolve returns the addresses of a node named as HOST or HOST:PORT.
func (n *Node) Resolve(ctx context.Context, name string) ([]netip.AddrPort, error) {
	host, port, err := splitBootstrap(name)
	if err != nil {
		return nil, err
	}
	addrs := make([]netip.AddrPort, 0, 2)
	if addr, err := netip.ParseAddr(host); err == nil {
		return append(addrs, netip.AddrPortFrom(addr, port)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := n.cfg.Lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("cannot find host %q: %w", host, err)
	}
	for _, addr := range found {
		addrs = append(addrs, netip.AddrPortFrom(addr.Unmap(), port))
	}
	return addrs, nil
}

// contactBootstrap resolves the bootstrap nodes anew, each in its own goroutine
// so that one slow name delays no other, and pings them.
func (n *Node) contactBootstrap() {
	for _, name := range n.cfg.Bootstrap {
		n.wg.Go(func() {
			addrs, err := n.Resolve(n.ctx, name)
			if err != nil {
				n.log.Warn("cannot reach bootstrap node", "node", name, "err", err)
				return
			}
			n.do(func(now time.Time) { n.engine.Contact(now, addrs) })
		})
	}
}
