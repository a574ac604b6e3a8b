package value

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"rollcall/dht/infohash"
)

var (
	// ErrRecipient reports a value that is to be encrypted for another key than
	// the recipient it was signed for.
	ErrRecipient = errors.New("value: not signed for this recipient")
	// ErrDecrypt reports a value that could not be decrypted: of whatever reason,
	// so that no caller can tell a sender which.
	ErrDecrypt = errors.New("value: cannot decrypt")
)

// Encrypt returns v encrypted for the owner of to, with the same ID and push
// hints (opendht spec 4.3). v must have been signed, by [Sign], with Recipient set
// to the key id of to: see [Seal], which does both. rand gives the keys and nonces.
// The result shares no memory with v but PushType.
func Encrypt(v *Value, to *rsa.PublicKey, rand io.Reader) (*Value, error) {
	if v.Encrypted() {
		return nil, fmt.Errorf("encrypt: %w", ErrEncrypted)
	}
	if !v.Signed() || len(v.Signature) == 0 {
		return nil, fmt.Errorf("encrypt: %w", ErrNotSigned)
	}
	spki, err := MarshalPublicKey(to)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if v.Recipient != KeyID(spki) {
		return nil, fmt.Errorf("encrypt: %w", ErrRecipient)
	}
	cypher, err := EncryptTo(v.appendContent(nil), to, rand)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return &Value{ID: v.ID, Cypher: cypher, Priority: v.Priority, PushType: v.PushType}, nil
}

// Seal signs a copy of v with key for the owner of to, and encrypts it.
func Seal(v *Value, key crypto.Signer, to *rsa.PublicKey, rand io.Reader) (*Value, error) {
	spki, err := MarshalPublicKey(to)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	signed := *v
	signed.Recipient = KeyID(spki)
	if err := Sign(&signed, key); err != nil {
		return nil, err
	}
	return Encrypt(&signed, to, rand)
}

// Decrypt returns the content of the encrypted value v, which key opens. self is
// the key id of key. The result has the ID and push hints of v; its Owner is the
// sender, whose signature is valid, and Recipient is self. It aliases neither v nor
// key.
//
// The error is [ErrDecrypt] in every case that depends on the cypher: no padding,
// no authentication, no value inside, another recipient, no owner, bad signature.
// A value that is not encrypted, and a key that is not RSA, have errors of their
// own. Nothing binds a value to the key it was found at, or to its ID: who copies
// it elsewhere makes it decrypt there as well.
func Decrypt(v *Value, key crypto.Decrypter, self infohash.Hash) (*Value, error) {
	if !v.Encrypted() {
		return nil, errors.New("value: not encrypted")
	}
	plain, err := DecryptWith(v.Cypher, key)
	if err != nil {
		return nil, err
	}
	out := new(Value)
	if out.unpackContent(plain) != nil || !out.Signed() || out.Recipient != self || Verify(out) != nil {
		return nil, ErrDecrypt
	}
	out.ID, out.Priority, out.PushType = v.ID, v.Priority, v.PushType
	return out, nil
}
