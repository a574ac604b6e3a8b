package value

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha512"
	"slices"
)

// publicKey is an RSA key made ready for verification. It is immutable.
//
// Verification is the work that hostile values can cause, and it touches no
// secret: that is why it does not use the constant-time arithmetic of crypto/rsa,
// which takes three times as long for 4096 bits.
type publicKey struct {
	n []byte // big-endian; signatures are as long
	e uint
	m *modulus
}

func newPublicKey(pub *rsa.PublicKey) *publicKey {
	return &publicKey{n: pub.N.Bytes(), e: uint(pub.E), m: newModulus(pub.N)}
}

// verify checks an RSASSA-PKCS1-v1_5 signature with SHA-512 over body (RFC 8017,
// 8.2.2): it builds the one padded message that is valid and compares all of it
// with what the signature opens to, so that a forger has no byte to choose.
func (k *publicKey) verify(body, signature []byte) error {
	if len(signature) != len(k.n) || bytes.Compare(signature, k.n) >= 0 {
		return ErrBadSignature
	}
	digest := sha512.Sum512(body)
	want := limbs(padded(len(k.n), digest[:]), len(k.m.n))
	if !slices.Equal(k.m.exp(signature, k.e), want) {
		return ErrBadSignature
	}
	return nil
}

// digestInfoSHA512 precedes the digest in a padded message (RFC 8017, 9.2).
const digestInfoSHA512 = "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"

// padded returns EMSA-PKCS1-v1_5 of a SHA-512 digest, size bytes:
// 00 01 FF..FF 00 DigestInfo digest.
func padded(size int, digest []byte) []byte {
	em := make([]byte, size)
	em[1] = 1
	head := size - len(digestInfoSHA512) - len(digest)
	for i := 2; i < head-1; i++ {
		em[i] = 0xff
	}
	copy(em[head:], digestInfoSHA512)
	copy(em[head+len(digestInfoSHA512):], digest)
	return em
}
