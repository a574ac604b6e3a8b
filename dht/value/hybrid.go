package value

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"slices"
)

// rsaPaddingSize is what PKCS #1 v1.5 encryption adds at least to a message.
const rsaPaddingSize = 11

// EncryptTo encrypts plain for the owner of to (opendht spec 8.2): with RSA alone
// where it fits, else with a fresh AES key, which RSA encrypts.
//
//	RSA(plain)                                    k = modulus bytes, plain of up to k-11
//	RSA(key)  nonce (12)  ciphertext  tag (16)    key of 32 bytes
//
// rand gives the AES key and nonce; RSA padding is drawn from the system.
func EncryptTo(plain []byte, to *rsa.PublicKey, rand io.Reader) ([]byte, error) {
	if err := checkPublicKey(to); err != nil {
		return nil, err
	}
	if len(plain) <= to.Size()-rsaPaddingSize {
		return encryptPKCS1(plain, to)
	}
	var key [aesKeySize]byte
	if _, err := io.ReadFull(rand, key[:]); err != nil {
		return nil, fmt.Errorf("value: draw a key: %w", err)
	}
	head, err := encryptPKCS1(key[:], to)
	if err != nil {
		return nil, err
	}
	return appendAES(slices.Grow(head, len(plain)+aesOverhead), plain, key[:], rand)
}

// DecryptWith reverses [EncryptTo]. It returns [ErrDecrypt] whatever is wrong with
// cypher, and takes the same way through it: an RSA padding that is invalid goes on
// with another AES key, so that neither the error nor the time tell it apart from a
// cypher that was tampered with.
func DecryptWith(cypher []byte, key crypto.Decrypter) ([]byte, error) {
	pub, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("decrypt with %T: %w", key.Public(), ErrNotRSA)
	}
	k := pub.Size()
	if len(cypher) < k {
		return nil, ErrDecrypt
	}
	head, valid := decryptPKCS1(cypher[:k], key)
	if len(cypher) == k {
		if !valid {
			return nil, ErrDecrypt
		}
		return head, nil
	}
	if valid = valid && validAESKey(head); !valid {
		head = make([]byte, aesKeySize)
	}
	plain, err := DecryptAES(cypher[k:], head)
	if err != nil || !valid {
		return nil, ErrDecrypt
	}
	return plain, nil
}
