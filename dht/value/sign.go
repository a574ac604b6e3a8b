package value

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"errors"
	"fmt"
)

var (
	// ErrNotSigned reports a value that names no owner.
	ErrNotSigned = errors.New("value: not signed")
	// ErrBadSignature reports a signature that is not the owner's over this body.
	ErrBadSignature = errors.New("value: bad signature")
	// ErrEncrypted reports an operation that needs the content of a value which
	// is still encrypted.
	ErrEncrypted = errors.New("value: encrypted, decrypt it first")
)

// Sign makes v the value of the owner of key: it sets Owner and Signature, over
// the other fields as they are. Seq and Recipient must be set before; ID,
// Priority and PushType are not covered. key must hold an RSA key
// ([ErrNotRSA]) of MinKeyBits to MaxKeyBits ([ErrBadKey]). After an error v is
// unchanged.
func Sign(v *Value, key crypto.Signer) error {
	if v.Encrypted() {
		return fmt.Errorf("sign: %w", ErrEncrypted)
	}
	pub, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("sign with %T: %w", key.Public(), ErrNotRSA)
	}
	owner, err := MarshalPublicKey(pub)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	signed := *v
	signed.Owner = owner
	digest := sha512.Sum512(signed.AppendBody(nil))
	// PKCS #1 v1.5 signing draws no random bytes.
	signed.Signature, err = key.Sign(nil, digest[:], crypto.SHA512)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	*v = signed
	return nil
}

// Verify checks the signature of v by its owner. It returns nil, or an error
// that wraps ErrNotSigned, ErrBadKey, ErrNotRSA or ErrBadSignature. Where values
// come again, use a [Verifier].
func Verify(v *Value) error {
	if !v.Signed() {
		return ErrNotSigned
	}
	pub, err := ParsePublicKey(v.Owner)
	if err != nil {
		return err
	}
	return newPublicKey(pub).verify(v.AppendBody(nil), v.Signature)
}
