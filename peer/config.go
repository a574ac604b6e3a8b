package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/identity"
)

// Standing is what an account is to us. It decides whether its devices may
// connect.
type Standing uint8

// The standings.
const (
	Unwelcome Standing = iota // banned, or unknown where only contacts are welcome: not answered
	Stranger                  // unknown, and welcome while there is room
	Contact
	Own // another device of our account
)

func (s Standing) String() string {
	return [...]string{"unwelcome", "stranger", "contact", "own"}[s]
}

// Config describes the connections of one account. Its functions are called from
// any goroutine.
type Config struct {
	// Node, Device and Identity must be set; the identity is that of the device,
	// and its chain is published on the network as it is.
	Node     *dht.Node
	Device   *identity.Device
	Identity *dht.Identity

	// Standing tells who may connect. It must not block. Nil admits nobody.
	Standing func(account infohash.Hash, device value.LongID) Standing
	// Verify decides whether a chain is that of a device of an account, which it
	// returns, and is not revoked. Nil is [identity.Chain.Verify] now.
	Verify func(chain identity.Chain) (account infohash.Hash, err error)
	// FindAccount finds the chain of a device that asks to connect, and returns the
	// account that it leads to. It must be set.
	FindAccount func(ctx context.Context, device infohash.Hash, long value.LongID) (infohash.Hash, error)
	// Treat notes that a request of a device was treated, and reports whether that
	// was the first time, now or in an earlier life: the network delivers each one
	// again for ten minutes. Nil remembers for the life of Peers only.
	Treat func(device value.LongID, id uint64) (first bool, err error)

	// Incoming decides about a channel that a peer asks for: nil declines it. Else
	// what it returns gets the channel, on a goroutine of its own, and closes it.
	// It must not block, and may be called before Connected is told of the
	// connection. Nil declines all.
	Incoming func(c *Conn, name string) func(ch net.Conn)
	// Notify is told what happens, in order, by one goroutine at a time. It must
	// return soon and may not call Close. Nil: nobody listens.
	Notify func(Event)

	// Addrs returns the addresses of this host to offer, the preferred ones first.
	// Nil offers those at which Node listens.
	Addrs func() []netip.Addr
	// Gather adds candidates to an agent besides the host's own: mapped ports,
	// relays. What it adds within GatherLimit is offered. ctx ends when nothing of
	// the agent is needed any more, a connection through it included. The function
	// that it returns, unless nil, is told where the peer is before the search
	// begins, and must not block.
	Gather func(ctx context.Context, a *ice.Agent) (met func(peer signaling.Description))
	// Listen and Dial are those of [ice.Config].
	Listen func(ctx context.Context, addr netip.AddrPort) (net.Listener, error)
	Dial   func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

	// Logger receives what happens; nil discards it.
	Logger *slog.Logger
}

// Validate returns every mistake in c, joined.
func (c *Config) Validate() error {
	var errs []error
	for _, part := range []struct {
		name    string
		missing bool
	}{{"Node", c.Node == nil}, {"Device", c.Device == nil}, {"Identity", c.Identity == nil}, {"FindAccount", c.FindAccount == nil}} {
		if part.missing {
			errs = append(errs, errors.New("peer: "+part.name+" is not set"))
		}
	}
	if len(errs) == 0 && c.Identity.ID() != c.Device.ID() {
		errs = append(errs, errors.New("peer: Identity is not that of Device"))
	}
	return errors.Join(errs...)
}

func (c *Config) setDefaults() {
	if c.Standing == nil {
		c.Standing = func(infohash.Hash, value.LongID) Standing { return Unwelcome }
	}
	if c.Verify == nil {
		c.Verify = func(chain identity.Chain) (infohash.Hash, error) { return chain.Verify(time.Now()) }
	}
	if c.Notify == nil {
		c.Notify = func(Event) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}
