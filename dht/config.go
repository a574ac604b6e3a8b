package dht

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// DefaultPort is the port that nodes of the network listen on (opendht spec 2.1).
const DefaultPort = 4222

// Config describes a node. The zero Config is a full node on free ports of all
// interfaces that waits for others to contact it.
type Config struct {
	// ID is the node's id. Zero means that of StateFile, else that of Identity,
	// else a random one.
	ID infohash.Hash
	// Identity, if not nil, gives the node its id. It signs nothing: what is
	// signed or decrypted takes its identity with each operation.
	Identity *Identity

	// Port is the UDP port of both families; 0 picks a free one.
	Port uint16
	// Bind4 and Bind6 are the addresses to listen on; the zero Addr means all.
	Bind4, Bind6 netip.Addr
	// NoIPv4 and NoIPv6 leave a family out. A family that the machine lacks is
	// left out as well, unless its Bind address is set.
	NoIPv4, NoIPv6 bool

	// Bootstrap names nodes to join the network by, as HOST or HOST:PORT.
	Bootstrap []string
	// Network separates networks that share nodes' addresses; 0 is the public one.
	Network uint32
	// Client makes a node that uses the network without serving it.
	Client bool
	// StateFile keeps the node's id and the nodes it knows over restarts. It is
	// read by Open and written by Close, in the format of dhtnode. Empty: none.
	StateFile string
	// Discovery finds nodes of the same network in the local one by multicast.
	Discovery bool

	// Types are the value types that the node knows; nil for the standard ones.
	Types *value.Types
	// StorageBytes bounds the values held for others; 0 means 64 MiB.
	StorageBytes int
	// NoRateLimit serves requests without a limit per address and in all.
	NoRateLimit bool

	// Logger receives what the node does; nil discards it.
	Logger *slog.Logger
	// Clock tells the time; nil is the system's.
	Clock Clock
	// ListenPacket opens the node's sockets; nil opens UDP sockets.
	ListenPacket func(addr netip.AddrPort) (net.PacketConn, error)
	// Lookup resolves the names of Bootstrap; nil asks the system's resolver.
	Lookup LookupFunc
}

// Clock tells the time and calls back.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f in its own goroutine once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending call of a Clock.
type Timer interface {
	// Reset makes the call happen after d instead.
	Reset(d time.Duration) bool
	Stop() bool
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Validate returns every mistake in c, joined.
func (c *Config) Validate() error {
	var errs []error
	if c.NoIPv4 && c.NoIPv6 {
		errs = append(errs, errors.New("NoIPv4 and NoIPv6 leave no address family"))
	}
	if c.Bind4.IsValid() && !c.Bind4.Unmap().Is4() {
		errs = append(errs, fmt.Errorf("Bind4 is %v, want an IPv4 address", c.Bind4))
	}
	if c.Bind6.IsValid() && (!c.Bind6.Is6() || c.Bind6.Is4In6()) {
		errs = append(errs, fmt.Errorf("Bind6 is %v, want an IPv6 address", c.Bind6))
	}
	if c.StorageBytes < 0 {
		errs = append(errs, fmt.Errorf("StorageBytes is %d, want a size in bytes or 0", c.StorageBytes))
	}
	for _, b := range c.Bootstrap {
		if _, _, err := splitBootstrap(b); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("dht: bad configuration: %w", err)
	}
	return nil
}
