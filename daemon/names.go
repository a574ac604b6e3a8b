package daemon

import (
	"context"
	"errors"

	"rollcall/dht/infohash"
	"rollcall/names"
)

// RegisteredName is a name with the account that has it.
type RegisteredName struct {
	Name    string
	Address infohash.Hash
}

// LookupName asks a name server who has a name. server "" means that of the
// account; an id "" asks for no account, and then there is none. The error is
// [ErrBadName] when no account can have the name, [ErrNoNameServer] when there is
// no server, [ErrNoName] when none has the name, else that of the connection. It takes
// at most a few seconds, and none while the server is known not to answer.
func (d *Daemon) LookupName(ctx context.Context, id AccountID, server, name string) (RegisteredName, error) {
	server, err := d.nameServer(id, server)
	if err != nil {
		return RegisteredName{}, err
	}
	entry, err := d.names.Lookup(ctx, server, name)
	return RegisteredName(entry), nameError(server, err)
}

// LookupAddress asks it which name an account has.
func (d *Daemon) LookupAddress(ctx context.Context, id AccountID, server string, address infohash.Hash) (RegisteredName, error) {
	server, err := d.nameServer(id, server)
	if err != nil {
		return RegisteredName{}, err
	}
	entry, err := d.names.LookupAddress(ctx, server, address)
	return RegisteredName(entry), nameError(server, err)
}

func (d *Daemon) nameServer(id AccountID, server string) (string, error) {
	if id == "" {
		return server, nil
	}
	details, err := d.Details(id)
	if err != nil {
		return "", err
	}
	if server == "" {
		server = details[keyNameServer]
	}
	return server, nil
}

// nameError returns the error of this package for one of a lookup.
func nameError(server string, err error) error {
	switch {
	case errors.Is(err, names.ErrNoServer):
		return ErrNoNameServer
	case errors.Is(err, names.ErrBadName):
		return ErrBadName
	case errors.Is(err, names.ErrNotFound):
		return ErrNoName
	case errors.Is(err, names.ErrBadServer):
		return &InvalidError{"name server", server, "a host name, or a URL with http or https"}
	}
	return err
}
