package agent

import (
	"errors"
	"net/netip"
)

// Reasons of failure.
var (
	// ErrNoPair reports that neither side can connect to the other: their
	// candidates do not fit together.
	ErrNoPair = errors.New("ice: no candidates that fit those of the peer")
	// ErrUnreachable reports that no connection to the peer came about.
	ErrUnreachable = errors.New("ice: no candidate of the peer could be reached")
	// ErrNotNominated reports connections of which the controlling peer chose
	// none.
	ErrNotNominated = errors.New("ice: the peer did not choose a connection")
	// ErrTimeout reports that there was no connection in time.
	ErrTimeout = errors.New("ice: timed out")
	// ErrFull reports a candidate too many.
	ErrFull = errors.New("ice: too many candidates")
	// ErrStarted reports a second description of the peer, or a candidate that
	// comes after it.
	ErrStarted = errors.New("ice: the checks have begun")
)

// LinkID names a connection, or the attempt to make one, within one agent.
type LinkID uint32

// Kind is what an effect asks for.
type Kind uint8

// The kinds of effects.
const (
	Dial   Kind = iota // connect Link to Addr, report Dialed or Closed
	Send               // write Frame, header included, to Link
	Close              // close Link, or give up dialling it; no report
	Select             // Link is the connection; no listener is needed any more
	Fail               // there will be no connection, because of Err
)

// Effect is something the owner of an agent has to do.
type Effect struct {
	Kind  Kind
	Link  LinkID
	Addr  netip.AddrPort
	Frame []byte
	Err   error
}
