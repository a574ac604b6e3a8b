package dbus

import (
	"context"
	"errors"

	"rollcall/daemon"
)

// Results of lookups and registrations (dbus spec 2.7).
const (
	nameFound         = 0
	nameInvalid       = 1
	nameNotFound      = 2
	nameError         = 3
	registerNoNetwork = 4
)

func (f *face) names() []handler {
	return []handler{
		{"lookupName", f.lookupName},
		{"lookupAddress", f.lookupAddress},
		{"registerName", f.registerName},
		{"registerName", f.registerName2026},
	}
}

// lookupName begins a lookup and reports whether it did. Its one
// registeredNameFound repeats the name as it was asked for, by which clients know
// their question.
func (f *face) lookupName(ctx context.Context, id daemon.AccountID, server, name string) bool {
	return f.lookup(id, name, func() (address, found string, err error) {
		entry, err := f.daemon.LookupName(ctx, id, server, name)
		if err != nil {
			return "", name, err
		}
		return entry.Address.String(), name, nil
	})
}

func (f *face) lookupAddress(ctx context.Context, id daemon.AccountID, server, uri string) bool {
	return f.lookup(id, uri, func() (address, found string, err error) {
		peer, err := parsePeer(uri)
		if err != nil {
			return uri, "", err
		}
		entry, err := f.daemon.LookupAddress(ctx, id, server, peer)
		if err != nil {
			return uri, "", err
		}
		return uri, entry.Name, nil
	})
}

// lookup runs a lookup in the background and tells its result. asked is what is
// looked for. The wizard asks without an account.
func (f *face) lookup(id daemon.AccountID, asked string, ask func() (address, name string, err error)) bool {
	if id != "" {
		if _, err := f.daemon.Account(id); !f.ok("lookup", err) {
			return false
		}
	}
	select {
	case f.lookups <- struct{}{}:
	default:
		f.emit(f.registeredNameFound(id, asked, nameError, "", "")...)
		return true
	}
	f.started.Go(func() {
		defer func() { <-f.lookups }()
		address, name, err := ask()
		f.emit(f.registeredNameFound(id, asked, lookupStatus(err), address, name)...)
	})
	return true
}

func lookupStatus(err error) int32 {
	switch {
	case err == nil:
		return nameFound
	case errors.Is(err, daemon.ErrBadName):
		return nameInvalid
	case errors.Is(err, daemon.ErrNoName):
		return nameNotFound
	}
	return nameError
}

// registerName tells that no name server could be reached: the daemon registers
// no names.
func (f *face) registerName(id daemon.AccountID, _, name string) bool {
	_, err := f.daemon.Account(id)
	if !f.ok("registerName", err) {
		return false
	}
	f.emit(configurationSignal("nameRegistrationEnded", string(id), int32(registerNoNetwork), name))
	return true
}

func (f *face) registerName2026(id daemon.AccountID, name, _, _ string) bool {
	return f.registerName(id, "", name)
}
