package daemon

import (
	"rollcall/account"
	"rollcall/peer"
)

// connections returns how an account with these settings is connected with its
// contacts.
func (d *Daemon) connections(settings Details) *account.Connections {
	if d.cfg.NoConnections {
		return nil
	}
	return &account.Connections{Strangers: settings[keyStrangers] == "true"}
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
