package portmap

import (
	"context"
	"errors"
	"net/netip"
	"time"

	natpmp "github.com/jackpal/go-nat-pmp"
)

// natPMP is a router that speaks NAT-PMP (RFC 6886).
type natPMP struct{ gateway, host netip.Addr }

var errNATPMP = errors.New("the answer does not fit the request")

// findNATPMP sees whether the gateway speaks it.
func findNATPMP(ctx context.Context, gateway netip.Addr) (router, error) {
	if !gateway.Is4() || gateway.IsUnspecified() {
		return nil, errors.New("no gateway")
	}
	host, err := localTowards(gateway)
	if err != nil {
		return nil, err
	}
	r := &natPMP{gateway, host}
	ctx, cancel := context.WithTimeout(ctx, mapTimeout)
	defer cancel()
	if _, err := r.external(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *natPMP) protocol() string  { return "NAT-PMP" }
func (r *natPMP) addr() netip.Addr  { return r.gateway }
func (r *natPMP) local() netip.Addr { return r.host }

// client returns one whose requests end with ctx's deadline.
func (r *natPMP) client(ctx context.Context) *natpmp.Client {
	deadline, _ := ctx.Deadline()
	// 0 would be two minutes.
	return natpmp.NewClientWithTimeout(r.gateway.AsSlice(), max(time.Until(deadline), time.Millisecond))
}

func (r *natPMP) external(ctx context.Context) (netip.Addr, error) {
	answer, err := r.client(ctx).GetExternalAddress()
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.AddrFrom4(answer.ExternalIPAddress), nil
}

func (r *natPMP) add(ctx context.Context, internal, external uint16, life time.Duration) (uint16, time.Duration, error) {
	answer, err := r.client(ctx).AddPortMappingWithDuration("tcp", int(internal), int(external), life)
	if err != nil {
		return 0, 0, err
	}
	if answer.InternalPort != internal || answer.MappedExternalPort == 0 {
		return 0, 0, errNATPMP
	}
	return answer.MappedExternalPort, min(time.Duration(answer.PortMappingLifetimeInSeconds)*time.Second, life), nil
}

func (r *natPMP) remove(ctx context.Context, internal, _ uint16) error {
	_, err := r.client(ctx).AddPortMappingWithDuration("tcp", int(internal), 0, 0)
	return err
}
