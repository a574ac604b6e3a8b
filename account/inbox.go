package account

import (
	"context"
	"errors"
	"slices"
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
	w := &waiter{message: contact.Message{
		Device: v.OwnerID(), DeviceKey: v.Owner, ConversationID: request.ConversationID,
		Payload: request.Payload, Confirm: request.Confirm, Invited: request.InvitedMs,
	}}
	w.ctx, w.giveUp = context.WithCancel(s.ctx)
	if !a.wait(w) {
		w.giveUp()
		a.log.Debug("message dropped: too many wait for the certificate of their sender")
		return
	}
	s.parts.Go(func() {
		defer a.done(w)
		s.admit(w)
	})
}

// waiter is a received message whose sender is being looked for.
type waiter struct {
	message contact.Message
	ctx     context.Context
	giveUp  context.CancelFunc
	tried   bool // in vain; guarded by the account's lock
}

// wait takes a message up. Too many of them drop the one that was tried first: there
// is no end of senders whom nobody finds, and the next one may be a friend.
func (a *Account) wait(w *waiter) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) >= maxWaiting {
		i := slices.IndexFunc(a.waiting, func(w *waiter) bool { return w.tried })
		if i < 0 {
			return false
		}
		a.waiting[i].giveUp()
		a.waiting = slices.Delete(a.waiting, i, i+1)
	}
	a.waiting = append(a.waiting, w)
	return true
}

func (a *Account) done(w *waiter) {
	w.giveUp()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = slices.DeleteFunc(a.waiting, func(other *waiter) bool { return other == w })
}

// admit finds out which account a message comes from and hands it to the contact
// list. A certificate that is not there yet, or not the only one there, is looked for
// again.
func (s *session) admit(w *waiter) {
	a, m := s.account, w.message
	for failures := range senderTries {
		account, err := s.owner(w.ctx, m.Device, value.KeyLongID(m.DeviceKey))
		if err == nil {
			m.From = account
			a.input(func(now time.Time) {
				outcome := a.list.Receive(now, m)
				a.log.Debug("message", "from", m.From, "confirm", m.Confirm, "outcome", outcome)
			})
			return
		}
		a.log.Debug("sender not proven", "device", m.Device, "err", err)
		a.mu.Lock()
		w.tried = true
		a.mu.Unlock()
		if errors.Is(err, identity.ErrRevoked) || !pause(w.ctx, backoff(failures)) {
			return
		}
	}
}

// owner returns the account that a device belongs to. It is taken from the
// verified chain and nowhere else. Who is followed and known does not wait for the
// strangers whose certificates are looked for.
func (s *session) owner(ctx context.Context, device infohash.Hash, long value.LongID) (infohash.Hash, error) {
	a := s.account
	if chain, account, err := a.cachedChain(device); err == nil && chain != nil && a.knowsLists(account, chain.Account()) {
		return account, nil
	}
	if err := enter(ctx, a.inquiries); err != nil {
		return infohash.Hash{}, err
	}
	defer leave(a.inquiries)
	chain, account, err := s.chain(ctx, device, long, infohash.Hash{})
	if err != nil {
		return account, err
	}
	return account, s.notRevoked(account, chain)
}
