package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/presence"
)

// chain returns the certificate chain of a device, from the cache or the network,
// and the account that it leads to: the one wanted, or any when that is zero (account
// spec 7 and 8). Anybody can publish a chain for a device, also one that is
// another's, so it looks on until one is good. The error wraps identity.ErrUntrusted
// when there are only others, and identity.ErrRevoked when the chain is not to be
// believed any more.
func (s *session) chain(ctx context.Context, device infohash.Hash, long value.LongID, want infohash.Hash) (identity.Chain, infohash.Hash, error) {
	a := s.account
	if chain, account, err := a.cachedChain(device); chain != nil && leadsTo(chain, want) {
		return chain, account, err
	}
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	var refused error
	for found, err := range s.node.Certificates(ctx, device, long) {
		if err != nil {
			return nil, infohash.Hash{}, err
		}
		chain, account, err := a.proven(found, want)
		switch {
		case err == nil:
			if err := a.cfg.Cache.SaveCertificate(time.Now(), device, account, chain.AppendPEM(nil)); err != nil {
				a.log.Warn("certificate not kept", "err", err)
			}
			return chain, account, nil
		case refused == nil, errors.Is(err, identity.ErrRevoked):
			refused = err
		}
	}
	return nil, infohash.Hash{}, refused
}

// proven reads and verifies a chain that was found.
func (a *Account) proven(found []value.Certificate, want infohash.Hash) (identity.Chain, infohash.Hash, error) {
	chain, err := parseChain(found)
	switch {
	case err != nil:
		return nil, infohash.Hash{}, err
	case !leadsTo(chain, want):
		return nil, infohash.Hash{}, fmt.Errorf("%w: the chain of the device leads to another account than %v", identity.ErrUntrusted, want)
	}
	account, err := a.verify(chain)
	return chain, account, err
}

// leadsTo reports whether a chain says that it is of a device of an account; zero
// stands for any.
func leadsTo(chain identity.Chain, account infohash.Hash) bool {
	return account.IsZero() || chain.Account() != nil && chain.Account().ID() == account
}

// parseChain reads the certificates of a chain that was found.
func parseChain(found []value.Certificate) (identity.Chain, error) {
	var chain identity.Chain
	for _, c := range found {
		certificate, err := identity.ParseCertificate(c.Raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", identity.ErrUntrusted, err)
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

// cachedChain returns the chain of a device from the cache, nil when it is not
// there or has ended.
func (a *Account) cachedChain(device infohash.Hash) (identity.Chain, infohash.Hash, error) {
	pem, err := a.cfg.Cache.Certificate(time.Now(), device)
	if err != nil || pem == nil {
		return nil, infohash.Hash{}, err
	}
	chain, err := identity.ParseChain(pem)
	if err != nil || chain.Leaf().ID() != device {
		return nil, infohash.Hash{}, err
	}
	account, err := a.verify(chain)
	if errors.Is(err, identity.ErrRevoked) || err == nil {
		return chain, account, err
	}
	return nil, infohash.Hash{}, nil
}

func (a *Account) verify(chain identity.Chain) (infohash.Hash, error) {
	var revoked []*identity.RevocationList
	if issuer := chain.Account(); issuer != nil {
		a.mu.Lock()
		if list := a.revoked[issuer.ID()]; list != nil {
			revoked = append(revoked, list)
		}
		a.mu.Unlock()
	}
	return chain.Verify(time.Now(), revoked...)
}

// sighting is a device as an account announces it.
type sighting struct{ account, device infohash.Hash }

// look reports whether nobody looks for the certificate of a device yet.
func (a *Account) look(d sighting) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.looking[d] {
		return false
	}
	a.looking[d] = true
	return true
}

// looked ends what look began, unless the device is there and not yet found.
func (a *Account) looked(d sighting, found bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !found && a.presentLocked(d.account, d.device) {
		return false
	}
	delete(a.looking, d)
	return true
}

// judge finds out whether a device that is announced by an account is one of it,
// and tries as long as the device is there. That it comes and goes makes no more work.
func (s *session) judge(e presence.DeviceUp) {
	a, d := s.account, sighting{e.Account, e.Device}
	if !a.look(d) {
		return
	}
	pause(s.ctx, judgeLater)
	for failures := 0; ; failures++ {
		verdict, err := s.verdict(a.places, e.Account, e.Device, value.KeyLongID(e.Key))
		if err == nil && s.ctx.Err() == nil {
			a.judged(e.Account, e.Device, verdict)
		} else {
			a.log.Debug("certificate not found", "device", e.Device, "err", err)
		}
		over := err == nil || !pause(s.ctx, backoff(failures))
		if a.looked(d, over) {
			return
		}
	}
}

// verdict looks at the certificate of a device; the error means that there is none
// to look at. That of somebody else says nothing about a device which the account
// itself has announced.
func (s *session) verdict(places chan struct{}, account, device infohash.Hash, long value.LongID) (presence.Verdict, error) {
	if err := enter(s.ctx, places); err != nil {
		return presence.Unknown, err
	}
	defer leave(places)
	chain, _, err := s.chain(s.ctx, device, long, account)
	if err == nil {
		err = s.notRevoked(account, chain)
	}
	switch {
	case errors.Is(err, identity.ErrRevoked):
		return presence.Revoked, nil
	case err != nil:
		return presence.Unknown, err
	}
	return presence.Genuine, nil
}

func (a *Account) judged(account, device infohash.Hash, verdict presence.Verdict) {
	a.log.Debug("device judged", "account", account, "device", device, "verdict", verdict)
	a.input(func(now time.Time) {
		a.tracker.Judge(now, account, device, verdict)
		switch verdict {
		case presence.Genuine:
			if a.presentLocked(account, device) {
				a.list.DeviceUp(now, account, device)
			}
			a.wantAllLocked(account)
		case presence.Revoked:
			a.list.DeviceRevoked(account, device)
		}
	})
}

func (a *Account) presentLocked(account, device infohash.Hash) bool {
	view, _ := a.tracker.View(account)
	for _, d := range view.Devices {
		if d.ID == device {
			return true
		}
	}
	return false
}

// ownDevice takes in an announcement of a device of the account itself.
func (s *session) ownDevice(d value.DeviceAnnouncement) {
	a := s.account
	long := value.KeyLongID(d.PublicKey)
	a.mu.Lock()
	_, known := a.devices[long]
	a.mu.Unlock()
	if known || d.Device == a.device.ID() || !a.look(sighting{a.id, d.Device}) {
		return
	}
	// Anybody can put what another device of ours has said, also one of long ago.
	verdict, err := s.verdict(a.inquiries, a.id, d.Device, long)
	a.looked(sighting{a.id, d.Device}, true)
	if err != nil || verdict != presence.Genuine {
		return
	}
	const shortName = 8 // digits of its id: the name of a device that did not tell one
	name := long.String()[:shortName]
	if err := a.cfg.State.SaveDevice(long, name); err != nil {
		a.log.Error("device not stored", "err", err)
		return
	}
	a.input(func(time.Time) {
		a.devices[long] = name
		a.told = append(a.told, DeviceAdded{long, name})
	})
}
