package daemon

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"rollcall/internal/ktimer"
)

const (
	// watchEvery is how soon another network is noticed where nobody tells of it, and
	// watchSeldom how soon a sleep is where somebody does: each look wakes the process up.
	watchEvery  = 3 * time.Second
	watchSeldom = 15 * time.Second
	// settle is the wait after news: a change of the network is several.
	settle = time.Second
	// asleep is by how much the wall clock is ahead after a sleep that counts:
	// others may have given us up.
	asleep = 10 * time.Second
)

// watchNetwork sees that the machine has other addresses or was asleep.
func (d *Daemon) watchNetwork() {
	every := watchSeldom
	news, err := d.watchAddrs(d.ctx)
	if err != nil {
		d.log.Debug("nobody tells of other addresses", "err", err)
		every = watchEvery
	}
	ring := make(chan struct{}, 1)
	timer := ktimer.AfterFunc(every, func() {
		select {
		case ring <- struct{}{}:
		default:
		}
	})
	defer timer.Stop()
	last := time.Now()
	w := watch{globalAddrs(), last.Round(0)}
	settling := false
	for {
		select {
		case _, told := <-news:
			if !told { // any more
				news, every = nil, watchEvery
			}
			if !settling {
				settling = true
				timer.Reset(settle)
			}
		case <-ring:
			addrs := w.addrs
			if settling || news == nil {
				addrs = globalAddrs()
			}
			settling = false
			timer.Reset(every)
			now := time.Now()
			passed := now.Sub(last)
			last = now
			if w.changed(now.Round(0), passed, addrs) {
				d.log.Info("the network has changed", "addresses", w.addrs)
				d.ConnectivityChanged()
			}
		case <-d.ctx.Done():
			return
		}
	}
}

// watch is what was seen last.
type watch struct {
	addrs []netip.Addr
	wall  time.Time
}

// changed reports whether the addresses are others than at the last call, or the
// machine was asleep since: then less time has passed, by the monotonic clock,
// than between the readings of the wall clock.
func (w *watch) changed(wall time.Time, passed time.Duration, addrs []netip.Addr) bool {
	changed := wall.Sub(w.wall)-passed > asleep || !slices.Equal(addrs, w.addrs)
	w.addrs, w.wall = addrs, wall
	return changed
}

// globalAddrs returns the addresses of this machine by which others may reach it.
func globalAddrs() []netip.Addr {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var addrs []netip.Addr
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			addrs = append(addrs, prefix.Addr())
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}
