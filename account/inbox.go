package account

import (
	"context"
	"errors"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
)

// received handles a value of our inbox that was decrypted: its signature is good
// and it is addressed to this device (contacts spec 4).
func (s *session) received(v *value.Value) {
	a := s.account
	if v.Type != value.TypeTrustRequest {
		return
	}
	request, err := value.ParseTrustRequest(v.Data)
	if err != nil || request.Service != contact.Service {
		a.log.Debug("message dropped", "from", v.OwnerID(), "err", err)
		return
	}
	a.mu.Lock()
	full := a.waiting >= maxWaiting
	if !full {
		a.waiting++
	}
	a.mu.Unlock()
	if full {
		a.log.Debug("message dropped: too many wait for the certificate of their sender")
		return
	}
	message := contact.Message{
		Device: v.OwnerID(), DeviceKey: v.Owner, ConversationID: request.ConversationID,
		Payload: request.Payload, Confirm: request.Confirm, Invited: request.InvitedMs,
	}
	s.parts.Go(func() {
		s.admit(message)
		a.mu.Lock()
		a.waiting--
		a.mu.Unlock()
	})
}

// admit finds out which account a message comes from and hands it to the contact
// list. A certificate that is not there yet, or not the only one there, is looked for
// again.
func (s *session) admit(m contact.Message) {
	a := s.account
	for failures := range senderTries {
		account, err := s.owner(s.ctx, m.Device, value.KeyLongID(m.DeviceKey))
		if err == nil {
			m.From = account
			a.input(func(now time.Time) {
				outcome := a.list.Receive(now, m)
				a.log.Debug("message", "from", m.From, "confirm", m.Confirm, "outcome", outcome)
			})
			return
		}
		a.log.Debug("sender not proven", "device", m.Device, "err", err)
		if errors.Is(err, identity.ErrRevoked) || !pause(s.ctx, backoff(failures)) {
			return
		}
	}
}

// owner returns the account that a device belongs to. It is taken from the
// verified chain and nowhere else.
func (s *session) owner(ctx context.Context, device infohash.Hash, long value.LongID) (infohash.Hash, error) {
	if err := s.enter(); err != nil {
		return infohash.Hash{}, err
	}
	defer s.leave()
	chain, account, err := s.chain(ctx, device, long, infohash.Hash{})
	if err != nil {
		return account, err
	}
	return account, s.notRevoked(account, chain)
}
