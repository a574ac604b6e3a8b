package http

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/dht/infohash"
)

func (s *service) addPresence(api huma.API) {
	const path = "/v1/accounts/{account}"
	answer(api, operation("GET", path+"/presence", "list-presence", "Tell the presence of all who are followed"), s.listPresence)
	answer(api, operation("GET", path+"/presence/{peer}", "get-presence", "Tell what is known of somebody's presence"), s.getPresence)
	perform(api, operation("PUT", path+"/subscriptions/{peer}", "subscribe", "Follow somebody, contact or not, once more"), s.subscribe)
	perform(api, operation("DELETE", path+"/subscriptions/{peer}", "unsubscribe", "Take back one subscription, or all of them"), s.unsubscribe)
	ask(api, operation("GET", "/v1/presence/{peer}", "query-presence", "Ask the network once who of an account is there"), s.queryPresence)
}

type presenceQuery struct {
	AccountPath
	Subscribed bool `query:"subscribed" doc:"Only those with subscriptions"`
}

func (s *service) listPresence(_ context.Context, in *presenceQuery) ([]schema.Presence, error) {
	views, err := s.daemon.Tracked(in.Account, in.Subscribed)
	return each(views, fromView), err
}

func (s *service) getPresence(_ context.Context, in *PeerPath) (schema.Presence, error) {
	view, err := s.daemon.Presence(in.Account, in.Peer)
	return fromView(view), err
}

func (s *service) subscribe(_ context.Context, in *PeerPath) error {
	return s.daemon.Track(in.Account, in.Peer)
}

type unsubscription struct {
	PeerPath
	All bool `query:"all" doc:"Take back those of all clients"`
}

func (s *service) unsubscribe(_ context.Context, in *unsubscription) error {
	return s.daemon.Untrack(in.Account, in.Peer, in.All)
}

type networkQuery struct {
	Peer    infohash.Hash    `path:"peer" pattern:"^[0-9a-fA-F]{40}$" patternDescription:"an account id: 40 hexadecimal digits"`
	Account daemon.AccountID `query:"account" doc:"Ask on the network of this account, by default on that of new accounts"`
}

func (s *service) queryPresence(ctx context.Context, in *networkQuery) (schema.Announcements, error) {
	found, err := s.daemon.QueryPresence(ctx, in.Account, in.Peer)
	return fromAnnouncements(in.Peer, found), err
}
