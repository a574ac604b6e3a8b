package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // linked in for the hashes of the algorithms below
	_ "crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"rollcall/dht/value"
)

// signatureAlgorithms lists what a signature in a certificate or revocation
// list may be made with. SHA-1 and MD5 are not among them.
var signatureAlgorithms = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
	rsa  bool
}{
	{oidRSA256, crypto.SHA256, true},
	{oidRSA384, crypto.SHA384, true},
	{oidRSA512, crypto.SHA512, true},
	{oidECDSA256, crypto.SHA256, false},
	{oidECDSA384, crypto.SHA384, false},
	{oidECDSA512, crypto.SHA512, false},
}

// signed is the outer structure that certificates and revocation lists share:
// SEQUENCE { to-be-signed, AlgorithmIdentifier, BIT STRING }.
type signed struct {
	tbs       []byte // with its own header: what the signature covers
	algorithm []byte // AlgorithmIdentifier
	signature []byte
}

// readSigned splits der, which must hold nothing else.
func readSigned(der []byte) (signed, bool) {
	var outer, tbs, algorithm cryptobyte.String
	var out signed
	s := cryptobyte.String(der)
	ok := s.ReadASN1(&outer, casn1.SEQUENCE) && s.Empty() &&
		outer.ReadASN1Element(&tbs, casn1.SEQUENCE) &&
		outer.ReadASN1Element(&algorithm, casn1.SEQUENCE) &&
		outer.ReadASN1BitStringAsBytes(&out.signature) && outer.Empty()
	out.tbs, out.algorithm = tbs, algorithm
	return out, ok
}

// appendSigned signs tbs with key (sha512WithRSAEncryption) and returns the
// outer structure.
func appendSigned(key *Key, tbs []byte) ([]byte, error) {
	digest := crypto.SHA512.New()
	digest.Write(tbs)
	sig, err := key.Sign(nil, digest.Sum(nil), crypto.SHA512)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		addRSA512(b)
		b.AddASN1BitString(sig)
	})
	return b.Bytes()
}

func addRSA512(b *cryptobyte.Builder) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidRSA512)
		b.AddASN1NULL()
	})
}

// verify checks the signature with the issuer's public key.
func (s signed) verify(pub crypto.PublicKey) error {
	oid, err := algorithmOf(s.algorithm)
	if err != nil {
		return err
	}
	for _, a := range signatureAlgorithms {
		if !a.oid.Equal(oid) {
			continue
		}
		h := a.hash.New()
		h.Write(s.tbs)
		switch key := pub.(type) {
		case *rsa.PublicKey:
			if a.rsa && rsa.VerifyPKCS1v15(key, a.hash, h.Sum(nil), s.signature) == nil {
				return nil
			}
		case *ecdsa.PublicKey:
			if !a.rsa && ecdsa.VerifyASN1(key, h.Sum(nil), s.signature) {
				return nil
			}
		}
		return fmt.Errorf("%w: the signature does not match the issuer's key", ErrUntrusted)
	}
	return fmt.Errorf("%w: signature algorithm %v is not accepted", ErrUntrusted, oid)
}

// algorithmOf returns the object identifier of an AlgorithmIdentifier whose
// parameters are absent or NULL.
func algorithmOf(der []byte) (asn1.ObjectIdentifier, error) {
	var seq cryptobyte.String
	var oid asn1.ObjectIdentifier
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, casn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) ||
		!seq.Empty() && !bytes.Equal(seq, []byte{5, 0}) {
		return nil, malformed("signature algorithm")
	}
	return oid, nil
}

// parsePublicKey reads a SubjectPublicKeyInfo: RSA, or ECDSA on the curves of
// authorities. A key of another kind is nil without an error: its certificate
// can be read but not trusted.
func parsePublicKey(spki []byte) (crypto.PublicKey, error) {
	key, err := value.ParsePublicKey(spki)
	switch {
	case err == nil:
		return key, nil
	case errors.Is(err, value.ErrNotRSA):
		return parseEC(spki)
	default:
		return nil, fmt.Errorf("%w certificate: %w", ErrMalformed, err)
	}
}

func parseEC(spki cryptobyte.String) (crypto.PublicKey, error) {
	var seq, algorithm cryptobyte.String
	var kind, parameters asn1.ObjectIdentifier
	var point []byte
	if !spki.ReadASN1(&seq, casn1.SEQUENCE) || !seq.ReadASN1(&algorithm, casn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&kind) || !seq.ReadASN1BitStringAsBytes(&point) {
		return nil, malformed("public key")
	}
	if !kind.Equal(oidEC) {
		return nil, nil
	}
	if !algorithm.ReadASN1ObjectIdentifier(&parameters) || !algorithm.Empty() {
		return nil, malformed("elliptic public key")
	}
	var curve elliptic.Curve
	switch {
	case parameters.Equal(oidP256):
		curve = elliptic.P256()
	case parameters.Equal(oidP384):
		curve = elliptic.P384()
	case parameters.Equal(oidP521):
		curve = elliptic.P521()
	default:
		return nil, nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, malformed("elliptic public key")
	}
	return key, nil
}

// checkStrength refuses keys that are too weak to trust.
func checkStrength(pub crypto.PublicKey) error {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < minRSABits {
			return fmt.Errorf("%w: RSA key of %d bits, want at least %d", ErrUntrusted, n, minRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		return nil
	default:
		return fmt.Errorf("%w: key of an unknown kind", ErrUntrusted)
	}
}
