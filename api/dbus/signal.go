package dbus

import (
	"slices"

	"rollcall/contact"
	"rollcall/daemon"
	"rollcall/presence"
)

func configurationSignal(name string, args ...any) signal {
	return signal{"ConfigurationManager", name, args}
}

// form is one form of a signal that differs between generations.
type form struct {
	generations []Generation
	signal      signal
}

// choose returns the forms that belong to a configured generation.
func (f *face) choose(forms ...form) []signal {
	var chosen []signal
	for _, form := range forms {
		if slices.ContainsFunc(form.generations, func(g Generation) bool { return slices.Contains(f.generations, g) }) {
			chosen = append(chosen, form.signal)
		}
	}
	return chosen
}

// signals returns what an event is to clients, in order (dbus spec 5.4).
func (f *face) signals(e daemon.Event) []signal {
	id := string(e.Account)
	switch c := e.Change.(type) {
	case daemon.AccountsChanged:
		return []signal{configurationSignal("accountsChanged")}
	case daemon.RegistrationChanged:
		return []signal{configurationSignal("registrationStateChanged", id, string(c.State), int32(0), c.Text)}
	case daemon.DetailsChanged:
		return []signal{configurationSignal("accountDetailsChanged", id, c.Details)}
	case daemon.VolatileChanged:
		return []signal{configurationSignal("volatileAccountDetailsChanged", id, c.Details)}
	case daemon.DevicesChanged:
		return []signal{configurationSignal("knownDevicesChanged", id, deviceNames(c.Devices))}
	case daemon.ContactAdded:
		return []signal{configurationSignal("contactAdded", id, c.Peer.String(), c.Confirmed)}
	case daemon.ContactRemoved:
		return []signal{configurationSignal("contactRemoved", id, c.Peer.String(), c.Banned)}
	case daemon.RequestReceived:
		return f.requestReceived(id, c)
	case daemon.RequestClosed:
		// An accepted one must go as a conversation, or its row stays beside that of
		// the new contact.
		if c.Reason == contact.Accepted {
			return []signal{configurationSignal("conversationRemoved", id, c.Request.ID)}
		}
		return []signal{configurationSignal("conversationRequestDeclined", id, c.Request.ID)}
	case daemon.TextReceived:
		return []signal{textReceived(id, c)}
	case daemon.TextChanged:
		return []signal{textChanged(id, c)}
	case daemon.PresenceChanged:
		if c.Subscribed || c.Contact {
			return f.newBuddyNotification(id, c)
		}
	}
	return nil
}

// requestReceived tells a trust request, and the conversation request that it is
// to clients, unless it is not to ask for attention.
func (f *face) requestReceived(id string, c daemon.RequestReceived) []signal {
	var signals []signal
	if c.Replaces != "" {
		signals = append(signals, configurationSignal("conversationRequestDeclined", id, c.Replaces))
	}
	r := c.Request
	if r.Quiet {
		return signals
	}
	from, received := r.From.String(), uint64(max(0, r.Received.Unix()))
	signals = append(signals, f.choose(
		form{[]Generation{Generation2023, Generation2026}, configurationSignal("incomingTrustRequest", id, r.ID, from, r.Payload, received)},
		form{[]Generation{Documented}, configurationSignal("incomingTrustRequest", id, from, r.Payload, received)},
	)...)
	return append(signals, configurationSignal("conversationRequestReceived", id, r.ID, conversationRequest(r)))
}

func (f *face) newBuddyNotification(id string, c daemon.PresenceChanged) []signal {
	of := func(status any) signal {
		return signal{"PresenceManager", "newBuddyNotification", []any{id, c.Peer.String(), status, c.Note}}
	}
	forms := []form{{[]Generation{Generation2026, Documented}, of(int32(c.Status))}}
	// Where connected is nothing but online, it is no change.
	online, was := c.Status != presence.Offline, c.Was != presence.Offline
	if online != was || c.Status == c.Was {
		forms = append([]form{{[]Generation{Generation2023}, of(online)}}, forms...)
	}
	return f.choose(forms...)
}

func (f *face) registeredNameFound(id daemon.AccountID, asked string, status int32, address, name string) []signal {
	return f.choose(
		form{[]Generation{Generation2023, Documented}, configurationSignal("registeredNameFound", string(id), status, address, name)},
		form{[]Generation{Generation2026}, configurationSignal("registeredNameFound", string(id), asked, status, address, name)},
	)
}
