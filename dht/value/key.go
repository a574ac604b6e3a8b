package value

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"rollcall/dht/infohash"
)

var (
	// ErrNotRSA reports a key that can neither sign values nor receive encrypted
	// ones: the network demands RSA for both (opendht spec 8.1).
	ErrNotRSA = errors.New("value: want an RSA key")
	// ErrBadKey reports a public key that cannot be parsed or is outside the
	// limits of this package.
	ErrBadKey = errors.New("value: bad public key")
)

// LongID is the 32-byte id of a public key: the SHA-256 of its
// SubjectPublicKeyInfo (opendht spec 1).
type LongID [sha256.Size]byte

// String returns 64 lower-case hexadecimal digits.
func (id LongID) String() string { return hex.EncodeToString(id[:]) }

// KeyID returns the 20-byte id of a public key: the SHA-1 of its DER
// SubjectPublicKeyInfo.
func KeyID(spki []byte) infohash.Hash { return infohash.Sum(spki) }

// KeyLongID returns the 32-byte id of a public key.
func KeyLongID(spki []byte) LongID { return sha256.Sum256(spki) }

// CertificateKeys returns the two keys at which a certificate is published and
// must be looked up (opendht spec 8.4): the key id of its public key, which
// OpenDHT 2 uses, and the hash of its long id, which OpenDHT 4 uses.
func CertificateKeys(spki []byte) (short, long infohash.Hash) {
	id := KeyLongID(spki)
	return KeyID(spki), infohash.Sum(id[:])
}

// NodeID returns the node id of a node that runs with the identity of the given
// key id (opendht spec 1).
func NodeID(keyID infohash.Hash) infohash.Hash {
	return infohash.SumString("node:" + keyID.String())
}

// The DER content of the object identifier rsaEncryption, 1.2.840.113549.1.1.1.
const oidRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"

// splitSPKI reads a SubjectPublicKeyInfo that fills b: the algorithm's object
// identifier and the content of the bit string. Both alias b.
//
//	SEQUENCE { SEQUENCE { OBJECT IDENTIFIER, parameters }, BIT STRING }
func splitSPKI(b []byte) (oid, key cryptobyte.String, ok bool) {
	in := cryptobyte.String(b)
	var spki, algorithm cryptobyte.String
	var unused uint8
	ok = len(b) <= maxSPKISize &&
		in.ReadASN1(&spki, asn1.SEQUENCE) && in.Empty() &&
		spki.ReadASN1(&algorithm, asn1.SEQUENCE) &&
		algorithm.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) &&
		spki.ReadASN1(&key, asn1.BIT_STRING) && spki.Empty() &&
		key.ReadUint8(&unused) && unused == 0
	return oid, key, ok
}

// splitRSAKey reads the modulus and exponent of an RSAPublicKey, big-endian and
// without the sign byte.
//
//	SEQUENCE { INTEGER modulus, INTEGER exponent }
func splitRSAKey(key cryptobyte.String) (modulus, exponent []byte, ok bool) {
	var seq cryptobyte.String
	if !key.ReadASN1(&seq, asn1.SEQUENCE) || !key.Empty() {
		return nil, nil, false
	}
	modulus, ok = readPositive(&seq)
	if !ok {
		return nil, nil, false
	}
	exponent, ok = readPositive(&seq)
	return modulus, exponent, ok && seq.Empty()
}

// readPositive reads a minimally encoded INTEGER above zero.
func readPositive(s *cryptobyte.String) ([]byte, bool) {
	var n cryptobyte.String
	if !s.ReadASN1(&n, asn1.INTEGER) || len(n) == 0 || n[0]&0x80 != 0 {
		return nil, false
	}
	if n[0] == 0 {
		if len(n) == 1 || n[1]&0x80 == 0 {
			return nil, false
		}
		n = n[1:]
	}
	return n, true
}

// wellFormedSPKI reports whether b is a SubjectPublicKeyInfo and, where the
// algorithm is RSA, holds an RSA key. It allocates nothing.
func wellFormedSPKI(b []byte) bool {
	oid, key, ok := splitSPKI(b)
	if ok && string(oid) == oidRSA {
		_, _, ok = splitRSAKey(key)
	}
	return ok
}

// ParsePublicKey reads an RSA key from a DER SubjectPublicKeyInfo. Keys outside
// of MinKeyBits..MaxKeyBits, with an even modulus, or with an exponent that is
// even, below 3 or above 31 bits are refused. The error wraps ErrNotRSA or ErrBadKey.
func ParsePublicKey(spki []byte) (*rsa.PublicKey, error) {
	oid, key, ok := splitSPKI(spki)
	if !ok {
		return nil, fmt.Errorf("%w: not a SubjectPublicKeyInfo", ErrBadKey)
	}
	if string(oid) != oidRSA {
		return nil, ErrNotRSA
	}
	modulus, exponent, ok := splitRSAKey(key)
	if !ok {
		return nil, fmt.Errorf("%w: not an RSAPublicKey", ErrBadKey)
	}
	if len(exponent) > 4 {
		return nil, fmt.Errorf("%w: exponent of %d bytes", ErrBadKey, len(exponent))
	}
	e := int64(0)
	for _, c := range exponent {
		e = e<<8 | int64(c)
	}
	if e > math.MaxInt32 {
		return nil, fmt.Errorf("%w: exponent %d is over 31 bits", ErrBadKey, e)
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e)}
	if err := checkPublicKey(pub); err != nil {
		return nil, err
	}
	return pub, nil
}

// checkPublicKey holds a key to the limits of this package.
func checkPublicKey(pub *rsa.PublicKey) error {
	if pub == nil || pub.N == nil {
		return fmt.Errorf("%w: no modulus", ErrBadKey)
	}
	if bits := pub.N.BitLen(); bits < MinKeyBits || bits > MaxKeyBits {
		return fmt.Errorf("%w: %d bits, want %d to %d", ErrBadKey, bits, MinKeyBits, MaxKeyBits)
	}
	if pub.N.Bit(0) == 0 {
		return fmt.Errorf("%w: even modulus", ErrBadKey)
	}
	if pub.E < 3 || pub.E&1 == 0 || pub.E > math.MaxInt32 {
		return fmt.Errorf("%w: exponent %d", ErrBadKey, pub.E)
	}
	return nil
}

// MarshalPublicKey returns the DER SubjectPublicKeyInfo of an RSA key: what
// stands in the owner field of a value.
func MarshalPublicKey(pub *rsa.PublicKey) ([]byte, error) {
	if err := checkPublicKey(pub); err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(oidRSA)) })
			b.AddASN1(asn1.NULL, func(*cryptobyte.Builder) {})
		})
		b.AddASN1(asn1.BIT_STRING, func(b *cryptobyte.Builder) {
			b.AddUint8(0)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1BigInt(pub.N)
				b.AddASN1Int64(int64(pub.E))
			})
		})
	})
	return b.Bytes()
}
