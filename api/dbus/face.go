package dbus

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"

	"rollcall/daemon"
)

// face translates between the bus and a daemon.
type face struct {
	daemon      *daemon.Daemon
	generations []Generation
	persistent  bool
	log         *slog.Logger
	ready       func() // see Config
	server      *server

	lookups chan struct{} // holds a token for every lookup under way
	started sync.WaitGroup

	mu      sync.Mutex // protects all below
	clients int        // registered ones
	ended   chan struct{}
	isEnded bool
	shown   map[daemon.AccountID]shownContacts
}

func newFace(d *daemon.Daemon, generations []Generation, persistent bool, log *slog.Logger) (*face, error) {
	f := &face{
		daemon: d, generations: generations, persistent: persistent, log: log,
		lookups: make(chan struct{}, maxLookups), ended: make(chan struct{}), shown: make(map[daemon.AccountID]shownContacts),
	}
	objects, err := f.objects()
	if err != nil {
		return nil, err
	}
	f.server = newServer(objects)
	return f, nil
}

// handlers returns the methods of an interface that do something.
func (f *face) handlers(iface string) []handler {
	switch iface {
	case "Instance":
		return f.instance()
	case "ConfigurationManager":
		return slices.Concat(f.accounts(), f.devices(), f.contacts(), f.requests(), f.names(), f.certificates(), f.texts(), f.connections())
	case "PresenceManager":
		return f.presence()
	case "VideoManager":
		return video()
	}
	return nil
}

// objects returns everything that is served, by path.
func (f *face) objects() (map[dbus.ObjectPath]object, error) {
	shown := newest(f.generations)
	objects := make(map[dbus.ObjectPath]object)
	var children []string
	for _, name := range interfaceNames {
		members, err := declared(name)
		if err != nil {
			return nil, err
		}
		methods, err := serve(members, f.handlers(name))
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", name, err)
		}
		iface := busName + "." + name
		objects[root+"/"+dbus.ObjectPath(name)] = object{iface, methods, introspectObject(iface, members, shown)}
		if slices.ContainsFunc(members, func(m member) bool { return m.of(shown) }) {
			children = append(children, name)
		}
	}
	objects["/"] = object{introspection: introspectParent([]string{"cx"})}
	objects["/cx"] = object{introspection: introspectParent([]string{"ring"})}
	objects["/cx/ring"] = object{introspection: introspectParent([]string{"Ring"})}
	objects[root] = object{introspection: introspectParent(children)}
	return objects, nil
}

// ok reports whether an operation succeeded. Clients know no errors, so it is
// logged here (dbus spec 1.1).
func (f *face) ok(method string, err error) bool {
	if err != nil {
		f.log.Debug("call without effect", "method", method, "error", err)
	}
	return err == nil
}

// known returns a value, or an empty one if there is an error.
func known[T any](v T, err error) T {
	if err != nil {
		var none T
		return none
	}
	return v
}
