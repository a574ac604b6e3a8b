package http

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
)

func (s *service) addContacts(api huma.API) {
	const path = "/v1/accounts/{account}/contacts"
	answer(api, operation("GET", path, "list-contacts", "List the active and the banned contacts"), s.listContacts)
	answer(api, operation("GET", path+"/{peer}", "get-contact", "Tell about a contact, also a removed one"), s.getContact)
	answer(api, operation("PUT", path+"/{peer}", "add-contact", "Add a contact, or lift its ban; sends nothing"), s.addContact)
	answer(api, operation("DELETE", path+"/{peer}", "remove-contact", "Remove a contact, lift a ban, or ban anybody"), s.removeContact)
}

func (s *service) listContacts(_ context.Context, in *AccountPath) ([]schema.Contact, error) {
	contacts, err := s.daemon.Contacts(in.Account)
	return each(contacts, fromContact), err
}

func (s *service) getContact(_ context.Context, in *PeerPath) (schema.Contact, error) {
	contact, err := s.daemon.Contact(in.Account, in.Peer)
	return fromContact(contact), err
}

func (s *service) addContact(ctx context.Context, in *PeerPath) (schema.Changed, error) {
	changed, err := s.daemon.AddContact(ctx, in.Account, in.Peer)
	return schema.Changed{Changed: changed}, err
}

type removedContact struct {
	PeerPath
	Ban bool `query:"ban" doc:"Ban the peer: nothing of it arrives any more"`
}

func (s *service) removeContact(ctx context.Context, in *removedContact) (schema.Changed, error) {
	changed, err := s.daemon.RemoveContact(ctx, in.Account, in.Peer, in.Ban)
	return schema.Changed{Changed: changed}, err
}
