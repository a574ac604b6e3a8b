package dbus

import (
	"context"

	"rollcall/daemon"
)

func (f *face) requests() []handler {
	return []handler{
		{"getTrustRequests", f.getTrustRequests},
		{"acceptTrustRequest", f.acceptTrustRequest},
		{"discardTrustRequest", f.discardTrustRequest},
		{"sendTrustRequest", f.sendTrustRequest},
		{"getConversationRequests", f.getConversationRequests},
		{"acceptConversationRequest", f.acceptConversationRequest},
		{"declineConversationRequest", f.declineConversationRequest},
		{"conversationInfos", f.conversationInfos},
	}
}

// Every trust request is shown as a conversation request too: clients let the
// user answer only those (dbus spec 5.3). Both carry the same id.

func (f *face) getTrustRequests(id daemon.AccountID) []map[string]string {
	requests := known(f.daemon.Requests(id))
	list := make([]map[string]string, 0, len(requests))
	for _, r := range requests {
		list = append(list, map[string]string{
			"from": r.From.String(), "received": seconds(r.Received),
			"payload": string(r.Payload), "conversationId": r.ID,
		})
	}
	return list
}

func (f *face) getConversationRequests(id daemon.AccountID) []map[string]string {
	requests := known(f.daemon.Requests(id))
	list := make([]map[string]string, 0, len(requests))
	for _, r := range requests {
		list = append(list, conversationRequest(r))
	}
	return list
}

func conversationRequest(r daemon.Request) map[string]string {
	return map[string]string{
		"id": r.ID, "from": r.From.String(), "received": seconds(r.Received), "title": r.Title,
	}
}

func (f *face) conversationInfos(id daemon.AccountID, conversation string) map[string]string {
	r, err := f.daemon.RequestByID(id, conversation)
	if err != nil {
		return nil
	}
	return map[string]string{"title": r.Title, "mode": "0"}
}

func (f *face) sendTrustRequest(ctx context.Context, id daemon.AccountID, uri string, payload []byte) {
	peer, err := parsePeer(uri)
	if err == nil {
		err = f.daemon.SendRequest(ctx, id, peer, payload)
	}
	f.ok("sendTrustRequest", err)
}

func (f *face) acceptTrustRequest(ctx context.Context, id daemon.AccountID, uri string) bool {
	peer, err := parsePeer(uri)
	changed := false
	if err == nil {
		changed, err = f.daemon.AcceptRequest(ctx, id, peer)
	}
	return f.ok("acceptTrustRequest", err) && changed
}

func (f *face) discardTrustRequest(ctx context.Context, id daemon.AccountID, uri string) bool {
	peer, err := parsePeer(uri)
	if err == nil {
		err = f.daemon.DiscardRequest(ctx, id, peer)
	}
	return f.ok("discardTrustRequest", err)
}

func (f *face) acceptConversationRequest(ctx context.Context, id daemon.AccountID, conversation string) {
	r, err := f.daemon.RequestByID(id, conversation)
	if err == nil {
		_, err = f.daemon.AcceptRequest(ctx, id, r.From)
	}
	f.ok("acceptConversationRequest", err)
}

func (f *face) declineConversationRequest(ctx context.Context, id daemon.AccountID, conversation string) {
	r, err := f.daemon.RequestByID(id, conversation)
	if err == nil {
		err = f.daemon.DiscardRequest(ctx, id, r.From)
	}
	f.ok("declineConversationRequest", err)
}
