package dht

import (
	"context"
	"net/netip"

	"rollcall/dht/internal/engine"
)

// Status says how well a node is connected to the network.
type Status = engine.Status

// The statuses.
const (
	Disconnected = engine.Disconnected
	Connecting   = engine.Connecting
	Connected    = engine.Connected
)

// Metrics are what a node counts, and its present state.
type Metrics struct {
	Status Status
	Stats  engine.Stats
	Info   engine.Info
}

// Metrics returns the present figures.
func (n *Node) Metrics() Metrics {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Metrics{Status: n.status, Stats: n.engine.Stats(), Info: n.engine.Info(n.clock.Now())}
}

// Status returns how well the node is connected.
func (n *Node) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status
}

// statusChanged is called with the lock held.
func (n *Node) statusChanged() bool {
	status := n.engine.Status()
	if status == n.status {
		return false
	}
	n.status = status
	close(n.change)
	n.change = make(chan struct{})
	return true
}

// WaitConnected returns once a node of the network has answered.
func (n *Node) WaitConnected(ctx context.Context) error {
	for status := n.Status(); status != Connected; {
		var err error
		if status, err = n.WaitStatus(ctx, status); err != nil {
			return err
		}
	}
	return nil
}

// WaitStatus returns the status once it is another one than old.
func (n *Node) WaitStatus(ctx context.Context, old Status) (Status, error) {
	for {
		n.mu.Lock()
		status, change, closed := n.status, n.change, n.closed
		n.mu.Unlock()
		switch {
		case closed:
			return status, ErrClosed
		case status != old:
			return status, nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return status, ctx.Err()
		case <-n.ctx.Done():
			return status, ErrClosed
		}
	}
}

// PublicAddrs returns the addresses as which other nodes see this one, the most
// reported first.
func (n *Node) PublicAddrs() []netip.Addr {
	var addrs []netip.Addr
	for _, f := range n.Metrics().Info.Families {
		addrs = append(addrs, f.Public...)
	}
	return addrs
}
