package dbus

import (
	"strconv"

	"rollcall/daemon"
)

func (f *face) connections() []handler {
	return []handler{
		{"getConnectionList", f.getConnectionList},
		{"getChannelList", f.getChannelList},
	}
}

// stands is the status of a connection that is ready for use. Those that are on
// their way are not told.
const stands = "0"

// getConnectionList returns the connections of an account, or those with a uri in
// the place of a conversation. Others than these are nobody's here.
func (f *face) getConnectionList(id daemon.AccountID, with string) []map[string]string {
	list := []map[string]string{}
	for _, c := range known(f.daemon.Connections(id)) {
		if with != "" && with != c.Account.String() {
			continue
		}
		list = append(list, map[string]string{
			"id": connectionID(c.ID), "peer": c.Account.String(), "device": c.Device.String(), "status": stands,
			"remoteAddress": c.Remote.String(), "created": strconv.FormatInt(c.Since.UnixMilli(), 10),
			"rx": strconv.FormatUint(c.BytesIn, 10), "tx": strconv.FormatUint(c.BytesOut, 10),
		})
	}
	return list
}

// getChannelList returns the open channels of one of these connections.
func (f *face) getChannelList(id daemon.AccountID, connection string) []map[string]string {
	list := []map[string]string{}
	for _, c := range known(f.daemon.Connections(id)) {
		if connectionID(c.ID) != connection {
			continue
		}
		for _, ch := range c.Channels {
			list = append(list, map[string]string{
				"id": strconv.FormatUint(uint64(ch.Number), 16), "name": ch.Name,
				"created": strconv.FormatInt(ch.Since.UnixMilli(), 10),
				"rx":      strconv.FormatUint(ch.BytesIn, 10), "tx": strconv.FormatUint(ch.BytesOut, 10),
			})
		}
	}
	return list
}

func connectionID(id uint64) string { return strconv.FormatUint(id, 10) }
