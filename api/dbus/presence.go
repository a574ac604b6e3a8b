package dbus

import (
	"strings"

	"rollcall/daemon"
)

func (f *face) presence() []handler {
	return []handler{
		{"subscribeBuddy", f.subscribeBuddy},
		{"getSubscriptions", f.getSubscriptions},
		{"setSubscriptions", f.setSubscriptions},
		{"publish", f.publish},
	}
}

// subscribeBuddy follows somebody or ends it, however often it was asked for
// before. Unlike contacts, URIs may have a prefix here (dbus spec 6).
func (f *face) subscribeBuddy(id daemon.AccountID, uri string, on bool) {
	for _, scheme := range []string{"ring:", "jami:"} {
		uri = strings.TrimPrefix(uri, scheme)
	}
	peer, err := parsePeer(uri)
	switch {
	case err != nil:
	case on:
		err = f.daemon.Track(id, peer)
	default:
		err = f.daemon.Untrack(id, peer, true)
	}
	f.ok("subscribeBuddy", err)
}

// getSubscriptions returns exactly two keys for each: clients take the values in
// the order of the keys (dbus spec 2.6).
func (f *face) getSubscriptions(id daemon.AccountID) []map[string]string {
	views := known(f.daemon.Tracked(id, true))
	list := make([]map[string]string, 0, len(views))
	for _, v := range views {
		status := "Offline"
		if v.Online {
			status = "Online"
		}
		list = append(list, map[string]string{"Buddy": v.Account.String(), "Status": status})
	}
	return list
}

func (f *face) setSubscriptions(id daemon.AccountID, uris []string) {
	for _, uri := range uris {
		f.subscribeBuddy(id, uri, true)
	}
}
