package daemon

import (
	"net/netip"

	"rollcall/account"
	"rollcall/nat"
	"rollcall/nat/relay"
	"rollcall/peer"
)

// connections returns how an account with these ways is connected with its
// contacts.
func connections(settings Details, ways *nat.Ways) *account.Connections {
	if ways == nil {
		return nil
	}
	return &account.Connections{Strangers: settings[keyStrangers] == "true", Gather: ways.Gather}
}

// ways returns those by which an account with these settings is reached.
func (d *Daemon) ways(id AccountID, settings Details) *nat.Ways {
	if d.cfg.NoConnections {
		return nil
	}
	return nat.New(d.ports, waysOf(settings), d.log.With("account", id))
}

// waysOf reads them from the settings. What is not set has its default.
func waysOf(settings Details) nat.Settings {
	get := func(key string) string {
		if value, ok := settings[key]; ok {
			return value
		}
		return template[key]
	}
	s := nat.Settings{Mapping: get(keyUPnP) == "true"}
	if get(keyRelay) == "true" {
		s.Relay = relay.Server{
			Addr: get(keyRelayServer), Username: get(keyRelayUsername), Password: get(keyRelayPassword), Realm: get(keyRelayRealm),
		}
	}
	if get(keyPublicSame) != "true" {
		s.Public, _ = netip.ParseAddr(get(keyPublic)) // one that is none is not told
	}
	return s
}

// Connections returns the present connections of an account with other devices,
// the oldest first.
func (d *Daemon) Connections(id AccountID) ([]peer.Info, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return nil, err
	}
	return a.Connections(), nil
}
