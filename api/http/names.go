package http

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
	"rollcall/daemon"
	"rollcall/dht/infohash"
)

func (s *service) addNames(api huma.API) {
	ask(api, operation("GET", "/v1/names/{name}", "find-name", "Ask a name server who has a name"), s.findName)
	ask(api, operation("GET", "/v1/addresses/{peer}/name", "find-address", "Ask a name server which name somebody has"), s.findAddress)
}

// NameServer are the parameters that choose a name server.
type NameServer struct {
	Account daemon.AccountID `query:"account" doc:"Ask the name server of this account, by default that of new accounts"`
	Server  string           `query:"server" maxLength:"1024" doc:"Ask this name server"`
}

type nameQuery struct {
	NameServer
	Name string `path:"name" maxLength:"64"`
}

func (s *service) findName(ctx context.Context, in *nameQuery) (schema.Name, error) {
	found, err := s.daemon.LookupName(ctx, in.Account, in.Server, in.Name)
	return schema.Name(found), err
}

type addressQuery struct {
	NameServer
	Peer infohash.Hash `path:"peer" pattern:"^[0-9a-fA-F]{40}$" patternDescription:"an account id: 40 hexadecimal digits"`
}

func (s *service) findAddress(ctx context.Context, in *addressQuery) (schema.Name, error) {
	found, err := s.daemon.LookupAddress(ctx, in.Account, in.Server, in.Peer)
	return schema.Name(found), err
}
