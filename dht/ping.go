package dht

import (
	"context"
	"net/netip"
	"time"

	"rollcall/dht/internal/engine"
)

// Ping returns nil once the node at addr has answered, or an error when it does
// not after several tries.
func (n *Node) Ping(ctx context.Context, addr netip.AddrPort) error {
	id, w, err := n.begin(func(now time.Time) engine.OpID { return n.engine.Ping(now, addr) })
	if err != nil {
		return err
	}
	defer n.stop(id)
	return w.each(ctx, func(x engine.Effect) (more bool, err error) { return false, x.Err })
}
