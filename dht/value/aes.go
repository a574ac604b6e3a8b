package value

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
)

const (
	aesKeySize  = 32
	aesOverhead = 12 + 16 // nonce and tag
	saltSize    = 16
)

// The cost of Stretch (opendht spec 8.3).
const (
	stretchPasses    = 16
	stretchMemoryKiB = 64 << 10
	stretchThreads   = 1
)

func validAESKey(key []byte) bool { return len(key) == 16 || len(key) == 24 || len(key) == 32 }

// EncryptAES encrypts plain with AES-GCM and a key of 16, 24 or 32 bytes (opendht
// spec 8.3): nonce (12), ciphertext, tag (16). rand gives the nonce.
func EncryptAES(plain, key []byte, rand io.Reader) ([]byte, error) {
	return appendAES(make([]byte, 0, len(plain)+aesOverhead), plain, key, rand)
}

func appendAES(b, plain, key []byte, rand io.Reader) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("value: draw a nonce: %w", err)
	}
	return gcm.Seal(append(b, nonce...), nonce, plain, nil), nil
}

// DecryptAES reverses [EncryptAES]. A cypher that was not made with key gives
// [ErrDecrypt].
func DecryptAES(cypher, key []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(cypher) < aesOverhead {
		return nil, ErrDecrypt
	}
	n := gcm.NonceSize()
	plain, err := gcm.Open(nil, cypher[:n], cypher[n:], nil)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plain, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	return gcm, nil
}

// EncryptPassword encrypts plain with a key stretched from password: salt (16),
// then as [EncryptAES]. It takes as long as [Stretch].
func EncryptPassword(plain []byte, password string, rand io.Reader) ([]byte, error) {
	b := make([]byte, saltSize, saltSize+len(plain)+aesOverhead)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("value: draw a salt: %w", err)
	}
	return appendAES(b, plain, Stretch(password, b, aesKeySize), rand)
}

// DecryptPassword reverses [EncryptPassword]. A wrong password gives [ErrDecrypt].
func DecryptPassword(cypher []byte, password string) ([]byte, error) {
	if len(cypher) < saltSize+aesOverhead {
		return nil, ErrDecrypt
	}
	return DecryptAES(cypher[saltSize:], Stretch(password, cypher[:saltSize], aesKeySize))
}

// Stretch derives a key of n bytes, at most 64, from a password: Argon2i and then
// a hash of that size (opendht spec 8.3). One call takes about a second and 64 MiB,
// so run one at a time.
func Stretch(password string, salt []byte, n int) []byte {
	return shorten(stretch(password, salt), n)
}

func stretch(password string, salt []byte) []byte {
	return argon2.Key([]byte(password), salt, stretchPasses, stretchMemoryKiB, stretchThreads, aesKeySize)
}

// shorten returns the n bytes that a stretched key is used as.
func shorten(key []byte, n int) []byte {
	switch {
	case n <= sha1.Size:
		sum := sha1.Sum(key)
		return sum[:n]
	case n <= sha256.Size:
		sum := sha256.Sum256(key)
		return sum[:n]
	default:
		sum := sha512.Sum512(key)
		return sum[:n]
	}
}
