package routing

import (
	"net/netip"
	"slices"
)

// Reported counts the addresses as which other nodes see this one, for one
// address family (opendht spec 7.8). The zero value is ready for use.
type Reported struct {
	list []report // most reported first
}

type report struct {
	addr  netip.Addr
	count int
}

// Add counts a report. A new address takes the place of the least reported one
// when there are 32 already.
func (r *Reported) Add(addr netip.Addr) {
	i := slices.IndexFunc(r.list, func(x report) bool { return x.addr == addr })
	if i < 0 {
		if len(r.list) == maxReported {
			r.list = r.list[:maxReported-1]
		}
		r.list = append(r.list, report{addr: addr, count: 1})
		return
	}
	r.list[i].count++
	for i > 0 && r.list[i].count > r.list[i-1].count {
		r.list[i], r.list[i-1] = r.list[i-1], r.list[i]
		i--
	}
}

// Addrs appends the addresses to dst, the most reported first; among equals the
// first reported comes first.
func (r *Reported) Addrs(dst []netip.Addr) []netip.Addr {
	for _, x := range r.list {
		dst = append(dst, x.addr)
	}
	return dst
}

// Reset forgets all reports.
func (r *Reported) Reset() { r.list = r.list[:0] }
