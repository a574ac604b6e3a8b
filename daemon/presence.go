package daemon

import (
	"context"

	"rollcall/account"
	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/presence"
)

// Track counts one more subscription of a client to peer, who need not be a
// contact. Its status follows as [PresenceChanged], unless it is offline.
// Contacts that are not banned are followed without it.
func (d *Daemon) Track(id AccountID, peer infohash.Hash) error {
	_, a, err := d.ready(id)
	if err != nil {
		return err
	}
	return a.Subscribe(peer)
}

// Untrack takes back one subscription, or all of them.
func (d *Daemon) Untrack(id AccountID, peer infohash.Hash, all bool) error {
	_, a, err := d.ready(id)
	if err != nil {
		return err
	}
	a.Unsubscribe(peer, all)
	return nil
}

// Tracked returns what is known of all accounts that are followed, or only of
// those with subscriptions of clients, in ascending order.
func (d *Daemon) Tracked(id AccountID, subscribed bool) ([]presence.View, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return nil, err
	}
	var views []presence.View
	a.Read(func(_ *contact.List, t *presence.Tracker) {
		for _, peer := range t.Accounts(subscribed) {
			view, _ := t.View(peer)
			views = append(views, view)
		}
	})
	return views, nil
}

// Presence returns what is known of one account, followed or not.
func (d *Daemon) Presence(id AccountID, peer infohash.Hash) (presence.View, error) {
	_, a, err := d.ready(id)
	if err != nil {
		return presence.View{}, err
	}
	var view presence.View
	a.Read(func(_ *contact.List, t *presence.Tracker) { view, _ = t.View(peer) })
	return view, nil
}

// Announcements is the answer to a single question for an account's presence.
type Announcements = account.Announcements

// AnnouncedDevice is a device that an account announces at the moment.
type AnnouncedDevice = account.AnnouncedDevice

// QueryPresence asks the network once for the revocation list and the
// announcements of any account. It uses the network of account id; "" means that of
// accounts with default settings.
func (d *Daemon) QueryPresence(ctx context.Context, id AccountID, peer infohash.Hash) (Announcements, error) {
	hostname := publicBootstrap
	if id != "" {
		details, err := d.Details(id)
		if err != nil {
			return Announcements{}, err
		}
		hostname = details[keyHostname]
	}
	network, err := d.join(d.bootstrap(hostname))
	if err != nil {
		return Announcements{}, err
	}
	defer d.leave(network)
	if err := network.node.WaitConnected(ctx); err != nil {
		return Announcements{}, err
	}
	return account.Query(ctx, network.node, peer)
}
