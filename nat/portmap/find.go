package portmap

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/jackpal/gateway"
)

// ssdpAddr is where devices listen for searches (UPnP Device Architecture 1.3).
var ssdpAddr = netip.MustParseAddrPort("239.255.255.250:1900")

// findRouter returns the first router that answers.
func findRouter(ctx context.Context) (router, error) {
	search := []netip.AddrPort{ssdpAddr}
	gw, err := gatewayAddr()
	if err == nil {
		// Firewalls of hosts let in the answer to what was sent to one address.
		search = append(search, netip.AddrPortFrom(gw, ssdpAddr.Port()))
	}
	return findFirst(ctx,
		func(ctx context.Context) (router, error) {
			if err != nil {
				return nil, err
			}
			return findNATPMP(ctx, netip.AddrPortFrom(gw, natPMPPort))
		},
		func(ctx context.Context) (router, error) { return findUPnP(ctx, search...) },
	)
}

// gatewayAddr returns the IPv4 address of the default gateway.
func gatewayAddr() (netip.Addr, error) {
	ip, err := gateway.DiscoverGateway()
	if err != nil {
		return netip.Addr{}, err
	}
	addr, _ := netip.AddrFromSlice(ip)
	if addr = addr.Unmap(); !addr.Is4() || addr.IsUnspecified() {
		return netip.Addr{}, errors.New("no gateway")
	}
	return addr, nil
}

// result is what became of a search.
type result struct {
	router
	err error
}

// findFirst returns the first router found, and waits until all searches have
// ended.
func findFirst(ctx context.Context, searches ...func(context.Context) (router, error)) (router, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result)
	for _, search := range searches {
		go func() {
			r, err := search(ctx)
			results <- result{r, err}
		}()
	}
	var found router
	errs := []error{ErrNoRouter}
	for range searches {
		r := <-results
		switch {
		case r.err != nil:
			errs = append(errs, r.err)
		case found == nil:
			found = r.router
			cancel()
		}
	}
	if found == nil {
		return nil, errors.Join(errs...)
	}
	return found, nil
}

// localTowards returns the address of this host from which it reaches another.
func localTowards(addr netip.Addr) (netip.Addr, error) {
	const anyPort = 9 // nothing is sent
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, anyPort)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
