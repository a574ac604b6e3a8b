package http

import (
	"fmt"
	"slices"

	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/presence"
)

// each translates a list; JSON knows no nil list.
func each[F, T any](from []F, translate func(F) T) []T {
	to := make([]T, len(from))
	for i := range from {
		to[i] = translate(from[i])
	}
	return to
}

func fromAccount(a daemon.Account) schema.Account {
	account := schema.Account{
		ID: string(a.ID), URI: a.URI, DisplayName: a.DisplayName,
		Device: longID(a.Device), DeviceName: a.DeviceName,
		Enabled: a.Enabled, Active: a.Active, Invisible: a.Invisible,
		State: string(a.State), StateText: a.StateText,
		Announced: a.Announced, LeaseSeconds: a.Lease.Seconds(),
		HasPassword: a.HasPassword, Bootstrap: a.Bootstrap,
	}
	if a.Note != (daemon.Note{}) {
		account.Note = &schema.Note{Text: a.Note.Text, Until: a.Note.Until}
	}
	if a.State == daemon.Initializing {
		account.Progress = &schema.Progress{Done: a.Progress.Done, Total: a.Progress.Total}
	}
	return account
}

func longID(id value.LongID) string {
	if id == (value.LongID{}) {
		return ""
	}
	return id.String()
}

func fromDevices(devices []daemon.Device) []schema.Device {
	return each(devices, func(d daemon.Device) schema.Device {
		return schema.Device{ID: d.ID.String(), Name: d.Name, Own: d.Own}
	})
}

func fromContact(c daemon.Contact) schema.Contact {
	contact := schema.Contact{
		Peer: c.Peer, Added: c.Added, Removed: c.Removed,
		Active: c.Active, Confirmed: c.Confirmed, Banned: c.Banned, ConversationID: c.ConversationID,
	}
	if c.Asked != nil {
		contact.Asked = c.Asked.String()
	}
	return contact
}

func fromRequest(r daemon.Request) schema.Request {
	return schema.Request{
		ID: r.ID, From: r.From, ConversationID: r.ConversationID, Title: r.Title, Payload: r.Payload,
		Received: r.Received, Invited: r.Invited, Quiet: r.Quiet, Seen: r.Seen,
	}
}

func fromOutgoing(o daemon.Outgoing) schema.Outgoing {
	return schema.Outgoing{Peer: o.Peer, Kind: o.Kind.String(), State: o.State.String(), Sent: o.Sent, Devices: o.Devices}
}

func fromView(v presence.View) schema.Presence {
	return schema.Presence{
		Peer: v.Account, Status: v.Status.String(), Since: v.Since, LastSeen: v.LastSeen,
		Contact: v.Contact, Subscriptions: v.Subscriptions, Flaps: v.Flaps,
		Note: v.Note.Text, Noted: v.Note.At,
		Devices: each(v.Devices, func(d presence.DeviceView) schema.PresentDevice {
			return schema.PresentDevice{ID: d.ID, Verdict: d.Verdict.String(), Until: d.Until}
		}),
		History: each(v.History, func(c presence.Change) schema.PresenceChange {
			return schema.PresenceChange{At: c.At, Status: c.Status.String(), Noted: c.Noted, Note: c.Note}
		}),
	}
}

func fromAnnouncements(peer infohash.Hash, a daemon.Announcements) schema.Announcements {
	return schema.Announcements{
		Peer: peer, Revocation: a.Revocation, Rejected: a.Rejected,
		Online: slices.ContainsFunc(a.Devices, func(d daemon.AnnouncedDevice) bool { return counts(d.Verdict) }),
		Devices: each(a.Devices, func(d daemon.AnnouncedDevice) schema.PresentDevice {
			return schema.PresentDevice{ID: d.ID, LongID: longID(d.LongID), Verdict: d.Verdict.String()}
		}),
	}
}

// counts reports whether a device with this verdict makes its account present.
func counts(v presence.Verdict) bool { return v == presence.Unknown || v == presence.Genuine }

func fromStatus(s daemon.Status) schema.Status {
	return schema.Status{
		Accounts: s.Accounts, Connected: s.Connected, Events: s.Events,
		Networks: each(s.Networks, fromNetwork),
		Damaged:  each(s.Damaged, func(d daemon.Damaged) schema.Damaged { return schema.Damaged(d) }),
	}
}

func fromNetwork(n daemon.Network) schema.Network {
	good := 0
	for _, family := range n.Metrics.Info.Families {
		good += family.Nodes.Good
	}
	return schema.Network{
		Bootstrap: each(n.Bootstrap, func(host string) string { return host }),
		ID:        n.ID, Accounts: n.Accounts, Node: n.Node,
		Addresses: each(n.Addrs, texts), Public: each(n.Public, texts),
		Connected: n.Metrics.Status == dht.Connected, GoodNodes: good,
	}
}

func texts[T fmt.Stringer](v T) string { return v.String() }
