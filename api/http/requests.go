package http

import (
	"context"
	nethttp "net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"rollcall/api/http/schema"
	"rollcall/contact"
	"rollcall/daemon"
)

func (s *service) addRequests(api huma.API) {
	const path, sent = "/v1/accounts/{account}/requests", "/v1/accounts/{account}/outgoing"
	answer(api, operation("GET", path, "list-requests", "List the trust requests that wait, the longest waiting first"), s.listRequests)
	perform(api, operation("PUT", path+"/seen", "see-requests", "Note that the user has looked at requests"), s.seeRequests)
	answer(api, operation("GET", path+"/{peer}", "get-request", "Tell about the request of an account"), s.getRequest)
	answer(api, operation("POST", path+"/{peer}/accept", "accept-request", "Make the sender a contact, and confirm it"), s.acceptRequest)
	perform(api, operation("POST", path+"/{peer}/discard", "discard-request", "Drop a request, in silence"), s.discardRequest)
	answer(api, operation("POST", path+"/{peer}/block", "block-request", "Drop a request and ban its sender"), s.blockRequest)

	answer(api, operation("GET", sent, "list-outgoing", "List our requests and confirms that are not delivered yet"), s.listOutgoing)
	perform(api, operation("PUT", sent+"/{peer}", "send-request", "Ask an account to be a contact, until it answers"), s.sendRequest)
	perform(api, operation("DELETE", sent+"/{peer}", "cancel-request", "Stop asking; the contact stays"), s.cancelRequest)

	answer(api, operation("GET", "/v1/accounts/{account}/policy", "get-policy", "Tell which requests ask for attention"), s.getPolicy)
	perform(api, operation("PUT", "/v1/accounts/{account}/policy", "set-policy", "Choose which requests ask for attention, from now on"), s.setPolicy)
}

type requestQuery struct {
	AccountPath
	ID string `query:"id" maxLength:"128" doc:"Only the request that desktop clients know by this id"`
}

func (s *service) listRequests(_ context.Context, in *requestQuery) ([]schema.Request, error) {
	if in.ID != "" {
		request, err := s.daemon.RequestByID(in.Account, in.ID)
		if err != nil {
			return nil, err
		}
		return []schema.Request{fromRequest(request)}, nil
	}
	requests, err := s.daemon.Requests(in.Account)
	return each(requests, fromRequest), err
}

func (s *service) getRequest(_ context.Context, in *PeerPath) (schema.Request, error) {
	requests, err := s.daemon.Requests(in.Account)
	if err != nil {
		return schema.Request{}, err
	}
	i := slices.IndexFunc(requests, func(r daemon.Request) bool { return r.From == in.Peer })
	if i < 0 {
		return schema.Request{}, daemon.ErrNoRequest
	}
	return fromRequest(requests[i]), nil
}

type seenRequests struct {
	AccountPath
	Body schema.Seen
}

func (s *service) seeRequests(ctx context.Context, in *seenRequests) error {
	return s.daemon.SeeRequests(ctx, in.Account, in.Body.From...)
}

func (s *service) acceptRequest(ctx context.Context, in *PeerPath) (schema.Changed, error) {
	changed, err := s.daemon.AcceptRequest(ctx, in.Account, in.Peer)
	return schema.Changed{Changed: changed}, err
}

func (s *service) discardRequest(ctx context.Context, in *PeerPath) error {
	return s.daemon.DiscardRequest(ctx, in.Account, in.Peer)
}

func (s *service) blockRequest(ctx context.Context, in *PeerPath) (schema.Changed, error) {
	changed, err := s.daemon.RemoveContact(ctx, in.Account, in.Peer, true)
	return schema.Changed{Changed: changed}, err
}

func (s *service) listOutgoing(_ context.Context, in *AccountPath) ([]schema.Outgoing, error) {
	outgoing, err := s.daemon.Outgoing(in.Account)
	return each(outgoing, fromOutgoing), err
}

type sentRequest struct {
	PeerPath
	Body schema.NewRequest
}

func (s *service) sendRequest(ctx context.Context, in *sentRequest) error {
	payload := in.Body.Payload
	if payload == nil {
		var err error
		if payload, err = s.daemon.Card(in.Account); err != nil {
			return err
		}
	}
	return s.daemon.SendRequest(ctx, in.Account, in.Peer, payload)
}

func (s *service) cancelRequest(ctx context.Context, in *PeerPath) error {
	return s.daemon.CancelRequest(ctx, in.Account, in.Peer)
}

func (s *service) getPolicy(_ context.Context, in *AccountPath) (schema.Policy, error) {
	policy, err := s.daemon.Policy(in.Account)
	return schema.Policy{Mode: policy.Mode.String(), Allowed: policy.Allowed, Codes: policy.Codes}, err
}

type newPolicy struct {
	AccountPath
	Body schema.Policy
}

func (s *service) setPolicy(ctx context.Context, in *newPolicy) error {
	policy := contact.Policy{Allowed: in.Body.Allowed, Codes: in.Body.Codes}
	for _, mode := range []contact.Mode{contact.Everyone, contact.Quietly, contact.ApprovedOnly} {
		if mode.String() == in.Body.Mode {
			policy.Mode = mode
		}
	}
	if err := policy.Validate(); err != nil {
		return huma.NewError(nethttp.StatusUnprocessableEntity, err.Error())
	}
	return s.daemon.SetPolicy(ctx, in.Account, policy)
}
