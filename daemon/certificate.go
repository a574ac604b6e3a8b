package daemon

import (
	"os"
	"slices"
	"strings"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/identity/keyfile"
	"rollcall/presence"
)

// maxCertificateFile bounds the files with certificates and keys that clients name.
// Those of devices have 6 kB.
const maxCertificateFile = 128 << 10

// Certificate is a certificate with what is to be said for and against it.
type Certificate struct {
	*identity.Certificate
	IssuedBy *identity.Certificate // nil when it is not at hand
	Invalid  error                 // why it must not be believed, such as its end; nil without a reason
	Revoked  bool                  // by its account
	Trusted  bool                  // it is of an account of the daemon, or of a contact
	HasKey   bool                  // its private key is at hand
}

// Certificate returns the certificate that has a short or long id, in hexadecimal
// digits: of an account and its device here, or of a contact or other account whose
// device was met. With the id "" of an account it is what any account knows. The error
// is [ErrNoCertificate] when nobody knows it.
func (d *Daemon) Certificate(id AccountID, certificate string) (Certificate, error) {
	accounts, err := d.some(id)
	if err != nil {
		return Certificate{}, err
	}
	certificate = strings.ToLower(certificate)
	for _, h := range accounts {
		own := h.chain()
		if chain := from(own, certificate); chain != nil {
			return d.describe(accounts, chain, len(chain) == len(own)), nil
		}
		if chain := h.met(certificate); chain != nil {
			return d.describe(accounts, chain, false), nil
		}
	}
	return Certificate{}, ErrNoCertificate
}

// CertificateFile returns the first certificate of a file, PEM or DER. keyPath names
// the file of its private key, or nothing.
func (d *Daemon) CertificateFile(id AccountID, path, keyPath string) (Certificate, error) {
	accounts, err := d.some(id)
	if err != nil {
		return Certificate{}, err
	}
	b, err := readCertificateFile("certificate", path)
	if err != nil {
		return Certificate{}, err
	}
	chain, err := identity.ParseChain(b)
	if err != nil {
		return Certificate{}, &InvalidError{"certificate", path, "a file with certificates: " + err.Error()}
	}
	hasKey := false
	if keyPath != "" {
		b, err := readCertificateFile("key", keyPath)
		if err != nil {
			return Certificate{}, err
		}
		key, err := identity.ParseKey(b)
		hasKey = err == nil && key.ID() == chain.Leaf().ID()
	}
	return d.describe(accounts, chain, hasKey), nil
}

// readCertificateFile reads a file that a client names, which may be anything.
func readCertificateFile(field, path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, &InvalidError{field, path, "a file"}
	}
	b, err := keyfile.Read(path, maxCertificateFile)
	if err != nil {
		return nil, &InvalidError{field, path, "a readable file: " + err.Error()}
	}
	return b, nil
}

// OwnCertificates returns the chains of the devices here, one for each account that
// has its keys; id is that of the only one, or "" for all.
func (d *Daemon) OwnCertificates(id AccountID) ([]identity.Chain, error) {
	accounts, err := d.some(id)
	if err != nil {
		return nil, err
	}
	var chains []identity.Chain
	for _, h := range accounts {
		if chain := h.chain(); chain != nil {
			chains = append(chains, chain)
		}
	}
	return chains, nil
}

// some returns one account by its id, or all for the id "".
func (d *Daemon) some(id AccountID) ([]*hosted, error) {
	if id == "" {
		return d.hosted(), nil
	}
	h, err := d.find(id)
	return []*hosted{h}, err
}

// chain returns the certificates of the device, nil while they are being made.
func (h *hosted) chain() identity.Chain {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keys == nil {
		return nil
	}
	return h.keys.Device.Chain()
}

// from returns the part of a chain that begins with a certificate, or nil.
func from(chain identity.Chain, certificate string) identity.Chain {
	for i, c := range chain {
		if c.ID().String() == certificate || c.LongID().String() == certificate {
			return chain[i:]
		}
	}
	return nil
}

// met looks for a certificate among those of devices that were met: of any by its
// short id, of those on the network by the long one too, and by that of their account.
func (h *hosted) met(certificate string) identity.Chain {
	var candidates []infohash.Hash
	short, err := infohash.Parse(certificate)
	if err == nil {
		candidates = append(candidates, short)
	}
	if a, err := h.running(); err == nil {
		a.Read(func(_ *contact.List, t *presence.Tracker) {
			for _, account := range t.Accounts(false) {
				view, _ := t.View(account)
				for _, device := range view.Devices {
					if account == short || value.KeyLongID(device.Key).String() == certificate {
						candidates = append(candidates, device.ID)
					}
				}
			}
		})
	}
	for _, device := range candidates {
		if chain := from(h.daemon.cachedChain(device), certificate); chain != nil {
			return chain
		}
	}
	return nil
}

// cachedChain returns the chain of a device that was met, nil if it is forgotten.
func (d *Daemon) cachedChain(device infohash.Hash) identity.Chain {
	pem, err := d.cache.Certificate(time.Now(), device)
	if err != nil || pem == nil {
		return nil
	}
	chain, err := identity.ParseChain(pem)
	if err != nil {
		d.log.Warn("certificate of the cache", "device", device, "err", err)
		return nil
	}
	return chain
}

// describe judges the first certificate of a chain.
func (d *Daemon) describe(accounts []*hosted, chain identity.Chain, hasKey bool) Certificate {
	c := Certificate{Certificate: chain.Leaf(), IssuedBy: chain.Account(), HasKey: hasKey, Invalid: chain.VerifyLinks(time.Now())}
	if c.IssuedBy == nil && c.SelfIssued() {
		c.IssuedBy = c.Certificate
	}
	if account := chain.Account(); account != nil && d.revokes(account, c.Certificate) {
		c.Revoked, c.Invalid = true, identity.ErrRevoked
	}
	c.Trusted = slices.ContainsFunc(accounts, func(h *hosted) bool { return h.trusts(chain) })
	return c
}

// revokes reports whether a certificate is on the list that its account published.
func (d *Daemon) revokes(account, device *identity.Certificate) bool {
	_, der, err := d.cache.Revocation(account.ID())
	if err != nil || der == nil {
		return false
	}
	list, err := identity.ParseRevocationList(der, account)
	return err == nil && list.Revokes(device)
}

// trusts reports whether a chain leads to the account or to a contact.
func (h *hosted) trusts(chain identity.Chain) bool {
	own := h.chain()
	if own == nil {
		return false
	}
	if from(own, chain[len(chain)-1].LongID().String()) != nil {
		return true
	}
	a, err := h.running()
	if err != nil {
		return false
	}
	known := false
	a.Read(func(l *contact.List, _ *presence.Tracker) {
		for _, c := range chain {
			entry, ok := l.Contact(c.ID())
			known = known || ok && entry.Active()
		}
	})
	return known
}
