package identity

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// ErrUntrusted reports a certificate, chain or list that can be read but must
// not be believed.
var ErrUntrusted = errors.New("identity: not trustworthy")

// Certificate is one X.509 certificate, read but not verified: [Chain.Verify]
// says whether to believe it. It is immutable; its slices must not be changed.
//
//	Certificate  = SEQUENCE { TBS, signature algorithm, signature BIT STRING }
//	TBS          = SEQUENCE { [0] version 2, serial INTEGER of either sign,
//	               signature algorithm, issuer, SEQUENCE { from, until },
//	               subject, SubjectPublicKeyInfo, [3] extensions }
type Certificate struct {
	Raw                 []byte   // DER of the whole
	Serial              *big.Int // of either sign; unique under one issuer
	Issuer, Subject     Name
	NotBefore, NotAfter time.Time // both ends belong to the life
	SPKI                []byte    // DER SubjectPublicKeyInfo, what ids are hashes of
	SubjectKeyID        []byte    // of the extension, nil when absent
	IsCA                bool      // basicConstraints say CA:TRUE

	signed            signed
	public            crypto.PublicKey // nil for a key of an unknown kind
	maxPath           int              // CA certificates below this one, -1 for any
	critical          string           // a critical extension that we do not know
	hasKeyUsage       bool
	signsCertificates bool // of the key usage
}

// Bits of the key usage (RFC 5280 4.2.1.3).
const (
	usageCertSign = 5
	usageCRLSign  = 6
)

// ParseCertificate reads one DER certificate of at most
// [value.MaxCertificateSize] bytes, which it does not copy. Everything is
// checked but what needs a clock or another certificate.
func ParseCertificate(der []byte) (*Certificate, error) {
	if len(der) > value.MaxCertificateSize {
		return nil, fmt.Errorf("%w certificate: %d bytes, want at most %d", ErrMalformed, len(der), value.MaxCertificateSize)
	}
	outer, ok := readSigned(der)
	if !ok {
		return nil, malformed("certificate")
	}
	c := &Certificate{Raw: der, signed: outer, maxPath: -1}
	s := cryptobyte.String(outer.tbs)
	if err := c.readTBS(&s); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Certificate) readTBS(s *cryptobyte.String) error {
	var tbs, algorithm, validity, spki cryptobyte.String
	var version int
	var ok bool
	if !s.ReadASN1(&tbs, casn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1Integer(&version, tagVersion, 0) || version < 0 || version > 2 {
		return malformed("certificate: version")
	}
	if c.Serial, ok = readSerial(&tbs); !ok {
		return malformed("certificate: serial number")
	}
	// The algorithm is named inside and outside of the signed part.
	if !tbs.ReadASN1Element(&algorithm, casn1.SEQUENCE) || !bytes.Equal(algorithm, c.signed.algorithm) {
		return malformed("certificate: signature algorithm")
	}
	if c.Issuer, ok = readName(&tbs); !ok {
		return malformed("certificate: issuer")
	}
	if !tbs.ReadASN1(&validity, casn1.SEQUENCE) {
		return malformed("certificate: validity")
	}
	if c.NotBefore, ok = readTime(&validity); !ok {
		return malformed("certificate: validity")
	}
	if c.NotAfter, ok = readTime(&validity); !ok || !validity.Empty() {
		return malformed("certificate: validity")
	}
	if c.Subject, ok = readName(&tbs); !ok {
		return malformed("certificate: subject")
	}
	if !tbs.ReadASN1Element(&spki, casn1.SEQUENCE) {
		return malformed("certificate: public key")
	}
	var err error
	if c.public, err = parsePublicKey(spki); err != nil {
		return err
	}
	c.SPKI = spki
	if !tbs.SkipOptionalASN1(tagIssuerUnique) || !tbs.SkipOptionalASN1(tagSubjectUnique) {
		return malformed("certificate: unique identifiers")
	}
	if err := readExtensions(&tbs, tagCertExtensions, c.readExtension); err != nil {
		return err
	}
	if !tbs.Empty() {
		return malformed("certificate: bytes after the extensions")
	}
	return nil
}

func (c *Certificate) readExtension(e extension) error {
	switch {
	case e.oid.Equal(oidSubjectKeyID):
		var id cryptobyte.String
		if !e.value.ReadASN1(&id, casn1.OCTET_STRING) || !e.value.Empty() {
			return malformed("certificate: subject key id")
		}
		c.SubjectKeyID = id
	case e.oid.Equal(oidBasicConstraints):
		return c.readBasicConstraints(e.value)
	case e.oid.Equal(oidKeyUsage):
		var bits asn1.BitString
		if !e.value.ReadASN1BitString(&bits) || !e.value.Empty() {
			return malformed("certificate: key usage")
		}
		c.hasKeyUsage = true
		c.signsCertificates = bits.At(usageCertSign) == 1
	case e.critical:
		c.critical = e.oid.String()
	}
	return nil
}

func (c *Certificate) readBasicConstraints(value cryptobyte.String) error {
	var seq cryptobyte.String
	if !value.ReadASN1(&seq, casn1.SEQUENCE) || !value.Empty() {
		return malformed("certificate: basic constraints")
	}
	if seq.PeekASN1Tag(casn1.BOOLEAN) && !seq.ReadASN1Boolean(&c.IsCA) {
		return malformed("certificate: basic constraints")
	}
	if seq.PeekASN1Tag(casn1.INTEGER) {
		if !seq.ReadASN1Integer(&c.maxPath) || c.maxPath < 0 {
			return malformed("certificate: path length")
		}
	}
	if !seq.Empty() {
		return malformed("certificate: basic constraints")
	}
	return nil
}

// ID returns the short id of the certificate's key.
func (c *Certificate) ID() infohash.Hash { return value.KeyID(c.SPKI) }

// LongID returns the long id of the certificate's key.
func (c *Certificate) LongID() value.LongID { return value.KeyLongID(c.SPKI) }

// PublicKey returns an *rsa.PublicKey or *ecdsa.PublicKey, or nil for a key of
// another kind.
func (c *Certificate) PublicKey() crypto.PublicKey { return c.public }

// SelfIssued reports whether the certificate names itself as its issuer.
func (c *Certificate) SelfIssued() bool { return bytes.Equal(c.Issuer.Raw, c.Subject.Raw) }

// checkOwn checks what a certificate says by itself: life and key.
func (c *Certificate) checkOwn(now time.Time) error {
	switch {
	case now.Before(c.NotBefore):
		return fmt.Errorf("%w: certificate of %q begins only at %s", ErrUntrusted, c.Subject.CommonName, c.NotBefore.Format(time.RFC3339))
	case now.After(c.NotAfter):
		return fmt.Errorf("%w: certificate of %q ended at %s", ErrUntrusted, c.Subject.CommonName, c.NotAfter.Format(time.RFC3339))
	case c.critical != "":
		return fmt.Errorf("%w: certificate of %q has the unknown critical extension %s", ErrUntrusted, c.Subject.CommonName, c.critical)
	}
	return checkStrength(c.public)
}

// checkIssued checks that issuer may sign certificates with below authorities
// between it and the leaf, and that it signed c.
func (c *Certificate) checkIssued(issuer *Certificate, below int) error {
	switch {
	case !bytes.Equal(c.Issuer.Raw, issuer.Subject.Raw):
		return fmt.Errorf("%w: certificate of %q is issued by another than the next in the chain", ErrUntrusted, c.Subject.CommonName)
	case !issuer.IsCA:
		return fmt.Errorf("%w: the issuer %q is no authority", ErrUntrusted, issuer.Subject.CommonName)
	case issuer.hasKeyUsage && !issuer.signsCertificates:
		return fmt.Errorf("%w: the issuer %q may not sign certificates", ErrUntrusted, issuer.Subject.CommonName)
	case issuer.maxPath >= 0 && below > issuer.maxPath:
		return fmt.Errorf("%w: the chain under %q is too long", ErrUntrusted, issuer.Subject.CommonName)
	}
	return c.signed.verify(issuer.public)
}
