package portmap

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// mapping is one port of ours at the router.
type mapping struct {
	mapper   *Mapper
	router   router
	internal uint16
	external uint16 // 0 before open
	made     time.Time
	ctx      context.Context // ends when it is not needed any more
	end      context.CancelFunc
}

// ErrAddress reports a router that may map ports, and is behind another NAT or not
// connected.
var ErrAddress = errors.New("the router has no address at which others reach it")

// unconnected reports a router that would map ports, had it an address at which
// others reach it.
type unconnected struct{ router }

func (*unconnected) Error() string { return ErrAddress.Error() }

// open makes the mapping at the router.
func (e *mapping) open(ctx context.Context) (public netip.AddrPort, life time.Duration, err error) {
	addr, err := e.router.external(ctx)
	if err != nil {
		return public, 0, err
	}
	if !usable(addr) {
		return public, 0, ErrAddress
	}
	if e.external, life, err = e.router.add(ctx, e.internal, e.internal, lifetime); err != nil {
		return public, 0, err
	}
	return netip.AddrPortFrom(addr, e.external), life, nil
}

// keep renews the mapping until it is not needed any more, and removes it.
func (e *mapping) keep(life time.Duration) {
	defer e.mapper.leave(e)
	defer e.close()
	wait := max(life/2, minRenewal)
	retry := minRenewal
	for {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.mapper.renew():
			timer.Stop()
		case <-e.ctx.Done():
			timer.Stop()
			return
		case <-e.mapper.ctx.Done():
			timer.Stop()
			return
		}
		e.router = e.mapper.known(e.router)
		ctx, cancel := context.WithTimeout(e.ctx, renewTimeout)
		port, renewed, err := e.router.add(ctx, e.internal, e.external, lifetime)
		cancel()
		e.mapper.notice(e.router)
		if err != nil {
			if e.ctx.Err() == nil {
				e.mapper.lost(e.router, err)
			}
			// It may be starting, and will have forgotten the mapping.
			wait, retry = retry, min(2*retry, lifetime/2)
			continue
		}
		// At another port it is of no use to those who know this one; it serves
		// connections that stand until it is removed.
		e.external = port
		wait, retry = max(renewed/2, minRenewal), minRenewal
	}
}

// close removes the mapping.
func (e *mapping) close() {
	ctx, cancel := context.WithTimeout(context.Background(), mapTimeout)
	defer cancel()
	_ = e.router.remove(ctx, e.internal, e.external) // it ends by itself
}

// usable reports whether others may be told of an address: what maps ports
// translates IPv4, and an IPv6 address might name a zone.
func usable(addr netip.Addr) bool {
	return addr.Is4() && addr.IsGlobalUnicast()
}
