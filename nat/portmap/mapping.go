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

var errAddress = errors.New("the router has no usable address on the other side")

// open makes the mapping at the router.
func (e *mapping) open(ctx context.Context) (public netip.AddrPort, life time.Duration, err error) {
	addr, err := e.router.external(ctx)
	if err != nil {
		return public, 0, err
	}
	if !usable(addr) {
		return public, 0, errAddress
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
	for {
		timer := time.NewTimer(max(life/2, minRenewal))
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			return
		case <-e.mapper.ctx.Done():
			timer.Stop()
			return
		}
		ctx, cancel := context.WithTimeout(e.ctx, renewTimeout)
		port, renewed, err := e.router.add(ctx, e.internal, e.external, lifetime)
		cancel()
		if err != nil {
			if e.ctx.Err() == nil {
				e.mapper.lost(e.router, err)
			}
			return
		}
		// At another port it is of no use to those who know this one; it serves
		// connections that stand until it is removed.
		e.external, life = port, renewed
	}
}

// close removes the mapping.
func (e *mapping) close() {
	ctx, cancel := context.WithTimeout(context.Background(), mapTimeout)
	defer cancel()
	_ = e.router.remove(ctx, e.internal, e.external) // it ends by itself
}

// usable reports whether others may be told of an address.
func usable(addr netip.Addr) bool {
	return addr.IsValid() && addr.IsGlobalUnicast() && !addr.IsLinkLocalUnicast()
}
