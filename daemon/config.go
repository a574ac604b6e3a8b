package daemon

import (
	"log/slog"
	"time"

	"rollcall/dht"
)

// Config describes a daemon. Only DataDir is required.
type Config struct {
	// DataDir holds everything the daemon keeps. It is made if absent, with mode
	// 0700, and belongs to one running daemon at a time.
	DataDir string
	// ClientDir is where desktop clients keep files of their own, one directory
	// per account: $XDG_DATA_HOME/jami. An account's directory there is made
	// before the account is told of, never looked into, and removed with the
	// account (dbus spec 5.1). Empty: clients keep no files.
	ClientDir string

	// Bootstrap names the nodes, as HOST or HOST:PORT, by which accounts that
	// name none themselves join the network.
	Bootstrap []string
	// Network is the id of the network, 0 for the public one.
	Network uint32
	// Node is what is common to all nodes of the daemon: addresses, port, sockets.
	// Its Bootstrap, Network, StateFile, Logger and Clock are set by the daemon.
	Node dht.Config

	// Standby leaves the accounts off the network until RegisterAll is called, so
	// that faces can be there before anything happens.
	Standby bool

	// NoConnections leaves contacts without direct connections: nobody is more
	// than online.
	NoConnections bool

	// Lease is how long an announcement lives, 0 for presence.DefaultLease;
	// negative means permanent announcements, as other daemons make them.
	Lease time.Duration
	// AllowShortLease permits leases under presence.MinLease, on networks of
	// one's own.
	AllowShortLease bool
	// Dwell is how long a contact is still shown online after its last
	// announcement ended, 0 for presence.DefaultDwell; negative means not at all.
	Dwell time.Duration
	// History is how many changes of status are kept per contact, 0 = none.
	History int
	// InitTime is how long a new account is at least shown as INITIALIZING: the
	// client's wizard waits to see it leave that state (dbus spec 5.2).
	InitTime time.Duration

	// KeyBits is the size of the keys of new accounts, 0 for identity.KeyBits.
	// Anything less is for tests.
	KeyBits int

	// Logger receives what the daemon does; nil discards it.
	Logger *slog.Logger
}
