package identity

import (
	"encoding/pem"
	"fmt"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// Chain is certificates linked by order: the leaf first, each next one the
// issuer of the one before. A device's is device, account, authority.
type Chain []*Certificate

// ParseChain reads a chain of one to [value.MaxChainLength] certificates, in
// PEM or DER, as it stands in files and, in a msgpack bin, in values. It does
// not verify them. The result may alias b.
func ParseChain(b []byte) (Chain, error) {
	raw, err := value.ParseChain(b)
	if err != nil {
		return nil, fmt.Errorf("%w chain: %w", ErrMalformed, err)
	}
	chain := make(Chain, len(raw))
	for i, cert := range raw {
		if chain[i], err = ParseCertificate(cert.Raw); err != nil {
			return nil, fmt.Errorf("certificate %d of the chain: %w", i+1, err)
		}
	}
	return chain, nil
}

// AppendPEM appends the PEM blocks of the chain to b: the form in which chains
// are stored and published.
func (c Chain) AppendPEM(b []byte) []byte {
	for _, cert := range c {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return b
}

// DER returns the certificates one by one, as TLS and package dht take them.
// The slices must not be changed.
func (c Chain) DER() [][]byte {
	ders := make([][]byte, len(c))
	for i, cert := range c {
		ders[i] = cert.Raw
	}
	return ders
}

// Value returns the chain as it is put, permanently, at both keys of its leaf
// ([value.CertificateKeys]; account spec 6).
func (c Chain) Value() *value.Value {
	return &value.Value{
		ID:   value.CertificateID,
		Type: value.TypeCertificate,
		Data: value.AppendChain(nil, c.DER()),
	}
}

// Leaf returns the first certificate. A Chain of this package is never empty.
func (c Chain) Leaf() *Certificate { return c[0] }

// Account returns the certificate of the account that a device's chain belongs
// to, the second one, or nil when the chain has only a leaf.
func (c Chain) Account() *Certificate {
	if len(c) < 2 {
		return nil
	}
	return c[1]
}

// Verify decides whether the chain is that of a device, and returns the id of
// the account it belongs to. Every certificate must be in its life at now,
// have a sufficient key, and be signed by the next one, which must be an
// authority; the leaf must not be among the revoked ones. The last certificate
// is taken as given: what an account is, is its key, and the caller compares
// the id. Lists of other accounts are passed over (account spec 8).
func (c Chain) Verify(now time.Time, revoked ...*RevocationList) (account infohash.Hash, err error) {
	if len(c) < 2 || len(c) > value.MaxChainLength {
		return infohash.Hash{}, fmt.Errorf("%w: chain of %d certificates, want a device, its account and at most %d above", ErrUntrusted, len(c), value.MaxChainLength-2)
	}
	if c[0].SelfIssued() {
		return infohash.Hash{}, fmt.Errorf("%w: certificate of %q is issued by itself, not by an account", ErrUntrusted, c[0].Subject.CommonName)
	}
	if err := c.VerifyLinks(now); err != nil {
		return infohash.Hash{}, err
	}
	account = c[1].ID()
	for _, list := range revoked {
		if list.Account() == account && list.Revokes(c[0]) {
			return infohash.Hash{}, fmt.Errorf("%w: device %s", ErrRevoked, c[0].LongID())
		}
	}
	return account, nil
}

// VerifyLinks is the part of Verify that holds for the chain of any certificate: it
// checks every certificate and every signature, and that of the top when that
// claims to be its own issuer.
func (c Chain) VerifyLinks(now time.Time) error {
	for _, cert := range c {
		if err := cert.checkOwn(now); err != nil {
			return err
		}
	}
	for i, issuer := range c[1:] {
		if err := c[i].checkIssued(issuer, i); err != nil {
			return err
		}
	}
	top := c[len(c)-1]
	if top.SelfIssued() {
		return top.signed.verify(top.public)
	}
	return nil
}
