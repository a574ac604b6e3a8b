package account

import (
	"context"
	"errors"
	"slices"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/presence"
)

// foundRevocationList takes in an unsigned value found at the id of an account: if
// it is a list of revoked devices that the account signed, it holds from now on. As
// long as the certificate of the account is not known all that is kept is that there
// was one: anybody can put lists, and the first ones need not be the good ones.
func (a *Account) foundRevocationList(account infohash.Hash, v *value.Value) {
	der, err := value.ParseRevocationList(v.Data)
	if err != nil {
		return
	}
	a.mu.Lock()
	issuer := a.issuers[account]
	if issuer == nil {
		a.unread[account] = true
	}
	a.mu.Unlock()
	if issuer == nil {
		return
	}
	list, err := identity.ParseRevocationList(slices.Clone(der), issuer)
	if err != nil {
		a.log.Debug("revocation list refused", "account", account, "err", err)
		return
	}
	a.holdRevocations(account, issuer, list)
}

// holdRevocations makes a list count, unless a newer one does, and takes the
// devices on it off.
func (a *Account) holdRevocations(account infohash.Hash, issuer *identity.Certificate, list *identity.RevocationList) {
	a.mu.Lock()
	if old := a.revoked[account]; old != nil && !list.ThisUpdate.After(old.ThisUpdate) {
		a.mu.Unlock()
		return
	}
	a.revoked[account] = list
	view, _ := a.tracker.View(account)
	a.mu.Unlock()
	a.review(account)
	if err := a.cfg.Cache.SaveRevocation(account, issuer.Raw, list.Raw); err != nil {
		a.log.Warn("revocation list not kept", "err", err)
	}
	for _, d := range view.Devices {
		if chain, _, err := a.cachedChain(d.ID); chain != nil && errors.Is(err, identity.ErrRevoked) {
			a.judged(account, d.ID, presence.Revoked)
		}
	}
}

// notRevoked verifies the chain of a device of an account, once more, with what is to
// be known of the account's revocation lists.
func (s *session) notRevoked(account infohash.Hash, chain identity.Chain) error {
	a := s.account
	a.mu.Lock()
	a.judging[account]++
	a.mu.Unlock()
	defer a.doneJudging(account)
	s.findRevocations(account, chain.Account())
	_, err := a.verify(chain)
	return err
}

// findRevocations makes the revocation list of an account with this certificate known,
// unless its id is listened at and so it is.
func (s *session) findRevocations(account infohash.Hash, issuer *identity.Certificate) {
	a := s.account
	if a.knowsLists(account, issuer) {
		return
	}
	a.mu.Lock()
	a.issuers[account] = issuer
	a.mu.Unlock()
	a.knowRevocations(account)
	ctx, cancel := context.WithTimeout(s.ctx, jobTimeout)
	defer cancel()
	for v, err := range s.node.Get(ctx, account, userData) {
		if err != nil {
			return // nobody has it; what is known counts
		}
		if !v.Signed() {
			a.foundRevocationList(account, v)
		}
	}
	a.mu.Lock()
	delete(a.unread, account)
	a.mu.Unlock()
}

// knowsLists reports whether an account is followed, and its revocation lists are
// known; those to come are verified with issuer.
func (a *Account) knowsLists(account infohash.Hash, issuer *identity.Certificate) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.follows[account] == nil || a.unread[account] {
		return false
	}
	a.issuers[account] = issuer
	return true
}

func (a *Account) doneJudging(account infohash.Hash) {
	a.mu.Lock()
	if a.judging[account]--; a.judging[account] == 0 {
		delete(a.judging, account)
	}
	a.mu.Unlock()
	a.forgetStranger(account)
}

// forgetStranger drops what is held in memory about the certificates of an
// account that is not followed: there is no end of strangers. What a chain is being
// verified with is dropped after the last one.
func (a *Account) forgetStranger(account infohash.Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.follows[account] != nil || account == a.id || a.judging[account] > 0 {
		return
	}
	delete(a.issuers, account)
	delete(a.revoked, account)
	delete(a.unread, account)
}

// knowRevocations takes in the list of an account that was found in an earlier
// life, so that nobody gets by who keeps it from us today.
func (a *Account) knowRevocations(account infohash.Hash) {
	a.mu.Lock()
	known := a.revoked[account] != nil
	a.mu.Unlock()
	if known {
		return
	}
	der, raw, err := a.cfg.Cache.Revocation(account)
	if err != nil || der == nil {
		return
	}
	issuer, err := identity.ParseCertificate(der)
	if err != nil || issuer.ID() != account {
		return
	}
	list, err := identity.ParseRevocationList(raw, issuer)
	if err != nil {
		return
	}
	a.mu.Lock()
	a.revoked[account], a.issuers[account] = list, issuer
	a.mu.Unlock()
}
