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
// it is a list of revoked devices that the account signed, it holds from now on.
func (a *Account) foundRevocationList(account infohash.Hash, v *value.Value) {
	der, err := value.ParseRevocationList(v.Data)
	if err != nil || len(der) > identity.MaxRevocationListSize {
		return
	}
	a.mu.Lock()
	lists := a.unproven[account]
	if len(lists) < maxForeignLists && !slices.ContainsFunc(lists, func(l []byte) bool { return string(l) == string(der) }) {
		a.unproven[account] = append(lists, slices.Clone(der))
	}
	issuer := a.issuers[account]
	a.mu.Unlock()
	if issuer != nil {
		a.tryRevocationLists(account, issuer)
	}
}

// tryRevocationLists checks the lists found so far against the certificate of
// their account, which is known now.
func (a *Account) tryRevocationLists(account infohash.Hash, issuer *identity.Certificate) {
	a.mu.Lock()
	a.issuers[account] = issuer
	lists := a.unproven[account]
	delete(a.unproven, account)
	a.mu.Unlock()
	for _, der := range lists {
		list, err := identity.ParseRevocationList(der, issuer)
		if err != nil {
			a.log.Debug("revocation list refused", "account", account, "err", err)
			continue
		}
		a.holdRevocations(account, issuer, list)
	}
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

// findRevocations makes the revocation list of an account known, unless its id is
// listened at and so it is.
func (s *session) findRevocations(account infohash.Hash) {
	a := s.account
	a.mu.Lock()
	followed := a.follows[account] != nil
	a.mu.Unlock()
	if followed {
		return
	}
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
}

// forgetStranger drops what is held in memory about the certificates of an
// account that is not followed: there is no end of strangers.
func (a *Account) forgetStranger(account infohash.Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.follows[account] != nil || account == a.id {
		return
	}
	delete(a.issuers, account)
	delete(a.revoked, account)
	delete(a.unproven, account)
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
