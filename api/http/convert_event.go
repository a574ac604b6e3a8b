package http

import (
	"fmt"

	"rollcall/api/http/schema"
	"rollcall/daemon"
)

// fromEvent translates an event; its ID is not set.
func fromEvent(event daemon.Event) schema.Event {
	e := schema.Event{At: event.At, Account: string(event.Account)}
	switch c := event.Change.(type) {
	case daemon.AccountsChanged:
		e.Type = schema.AccountsChanged
	case daemon.RegistrationChanged:
		e.Type, e.State, e.Text = schema.RegistrationChanged, string(c.State), c.Text
	case daemon.DetailsChanged:
		e.Type, e.Settings = schema.SettingsChanged, schema.Settings(c.Details)
	case daemon.VolatileChanged:
		e.Type, e.Settings = schema.VolatileChanged, schema.Settings(c.Details)
	case daemon.DevicesChanged:
		e.Type, e.Devices = schema.DevicesChanged, fromDevices(c.Devices)
	case daemon.ContactAdded:
		e.Type, e.Peer, e.Confirmed, e.ConversationID = schema.ContactAdded, c.Peer, c.Confirmed, c.ConversationID
	case daemon.ContactRemoved:
		e.Type, e.Peer, e.Banned, e.ConversationID = schema.ContactRemoved, c.Peer, c.Banned, c.ConversationID
	case daemon.RequestReceived:
		e.Type, e.Peer, e.Request, e.Replaces = schema.RequestReceived, c.Request.From, announced(c.Request), c.Replaces
	case daemon.RequestClosed:
		e.Type, e.Peer, e.Request, e.Reason = schema.RequestClosed, c.Request.From, announced(c.Request), c.Reason.String()
	case daemon.OutgoingChanged:
		e.Type, e.Peer, e.Kind, e.State = schema.OutgoingChanged, c.Peer, c.Kind.String(), c.State.String()
	case daemon.PresenceChanged:
		e.Type, e.Peer, e.Status, e.Cause = schema.PresenceChanged, c.Peer, c.Status.String(), c.Cause.String()
		e.Contact, e.Subscribed, e.Note = c.Contact, c.Subscribed, c.Note
	case daemon.NoteChanged:
		e.Type, e.OwnNote = schema.NoteChanged, &schema.Note{Text: c.Note.Text, Until: c.Note.Until}
	case daemon.TextReceived:
		e.Type, e.Peer, e.Message = schema.TextReceived, c.Peer, &schema.Text{ID: textID(c.ID), Type: c.Type, Content: c.Content}
	case daemon.TextChanged:
		e.Type, e.Peer, e.State, e.Message = schema.TextChanged, c.Peer, c.Status.String(), &schema.Text{ID: textID(c.ID)}
	case daemon.LeaseChanged:
		e.Type, e.Text = schema.LeaseChanged, c.Reason
		e.Lease = &schema.Lease{Seconds: c.Lease.Seconds(), Configured: c.Configured.Seconds()}
	default:
		panic(fmt.Sprintf("http: no translation for %T", c))
	}
	return e
}

// announced is a request without its payload: streams hold events for long.
func announced(r daemon.Request) *schema.Request {
	request := fromRequest(r)
	request.Payload = nil
	return &request
}
