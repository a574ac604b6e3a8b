package account

import (
	"context"
	"fmt"
	"time"

	"rollcall/contact"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
)

// deliver puts a message at the inbox of one device and tells the contact list
// how that went.
func (a *Account) deliver(e contact.Put) {
	started := a.job(func(s *session) {
		stored, err := s.put(e)
		if err != nil {
			a.log.Debug("message not put", "device", e.Ref.Device, "err", err)
		}
		a.delivered(e, err == nil && stored > 0)
	})
	if !started {
		a.delivered(e, false)
	}
}

func (a *Account) delivered(e contact.Put, ok bool) {
	a.input(func(now time.Time) {
		a.list.PutDone(now, e.Ref, ok)
		if e.Ref.Kind == contact.Answer {
			a.answeredLocked(e.Ref.Peer)
		}
	})
}

// answerFirstLocked makes connections wait for the answers that are to be put: people
// look at these, and a connection takes both sides some RSA operations.
func (a *Account) answerFirstLocked(effects []contact.Effect) {
	for _, e := range effects {
		if put, ok := e.(contact.Put); ok && put.Ref.Kind == contact.Answer && !a.answering[put.Ref.Peer] {
			a.answering[put.Ref.Peer] = false
		}
	}
}

// answeredLocked lets those connections begin that waited for an answer.
func (a *Account) answeredLocked(peer infohash.Hash) {
	waiting := a.answering[peer]
	delete(a.answering, peer)
	if waiting {
		a.wantAllLocked(peer)
	}
}

// put waits until our certificate is on the network: a recipient who cannot find
// it drops the message.
func (s *session) put(e contact.Put) (stored int, err error) {
	select {
	case <-s.published:
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
	v, err := s.sealed(e)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(s.ctx, jobTimeout)
	defer cancel()
	return s.node.Put(ctx, identity.InboxKey(e.Ref.Device), v)
}

// sealed returns the encrypted value of a message for one device. It is made once
// and stored: the same bytes again are no new event to anybody.
func (s *session) sealed(e contact.Put) (*value.Value, error) {
	a := s.account
	packed, err := a.cfg.State.Sealed(e.Ref)
	if err != nil {
		return nil, err
	}
	if packed != nil {
		v, err := value.Parse(packed)
		if err != nil {
			return nil, fmt.Errorf("account: stored message: %w", err)
		}
		return v, nil
	}
	if err := enter(s.ctx, a.places); err != nil {
		return nil, err
	}
	defer leave(a.places)
	chain, _, err := s.chain(s.ctx, e.Ref.Device, value.LongID{}, e.Ref.Peer)
	if err != nil {
		return nil, err
	}
	m := e.Message
	v, err := dht.Seal(a.self, chain.Leaf().SPKI, &value.Value{
		ID: e.Ref.ValueID, Type: value.TypeTrustRequest,
		Data: value.TrustRequest{
			Service: contact.Service, ConversationID: m.ConversationID, Payload: m.Payload,
			Confirm: m.Confirm, InvitedMs: m.Invited,
		}.Append(nil),
	})
	if err != nil {
		return nil, err
	}
	return v, a.cfg.State.SaveSealed(e.Ref, v.Append(nil))
}
