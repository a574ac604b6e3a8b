package daemon

import (
	"cmp"
	"net/netip"
	"slices"

	"rollcall/dht"
	"rollcall/talk"
)

// Status is how the daemon is.
type Status struct {
	Accounts  int
	Connected int           // direct connections of all accounts
	Messages  talk.Counters // of others, that were not told
	Networks  []Network
	Events    uint64    // sequence number of the last event
	Damaged   []Damaged // what could not be read
}

// Network is one network that accounts are on, with the node they share.
type Network struct {
	Bootstrap []string
	ID        uint32
	Accounts  int
	Node      string // its id, 40 hexadecimal digits
	Addrs     []netip.AddrPort
	Public    []netip.Addr // as others see it
	Metrics   dht.Metrics
}

// Damaged is something of the data directory that could not be read and was
// left out, or replaced by an older copy.
type Damaged struct {
	Path, Reason string
}

// Status returns how the daemon is.
func (d *Daemon) Status() Status {
	var s Status
	for _, h := range d.hosted() {
		if a, err := h.running(); err == nil {
			s.Connected += len(a.Connections())
			s.Messages.Add(a.MessageCounters())
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Accounts, s.Events, s.Damaged = len(d.accounts), d.hub.last(), slices.Clone(d.damaged)
	for _, n := range d.networks {
		s.Networks = append(s.Networks, Network{
			Bootstrap: n.bootstrap, ID: d.cfg.Network, Accounts: n.users, Node: n.node.ID().String(),
			Addrs: n.node.Addrs(), Public: n.node.PublicAddrs(), Metrics: n.node.Metrics(),
		})
	}
	slices.SortFunc(s.Networks, func(a, b Network) int { return cmp.Compare(a.Node, b.Node) })
	return s
}
