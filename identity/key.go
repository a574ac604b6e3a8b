package identity

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// Key is an RSA private key. It signs and decrypts as a crypto.Signer and
// crypto.Decrypter, and its secret leaves it only as PEM, for a file. It is
// immutable and safe for concurrent use.
type Key struct {
	private *rsa.PrivateKey
	spki    []byte
	id      infohash.Hash
}

var (
	_ crypto.Signer    = (*Key)(nil)
	_ crypto.Decrypter = (*Key)(nil)
)

func newKey(private *rsa.PrivateKey) (*Key, error) {
	spki, err := value.MarshalPublicKey(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	return &Key{private: private, spki: spki, id: value.KeyID(spki)}, nil
}

// ParseKey reads an RSA private key in PEM, PKCS #8 or PKCS #1.
func ParseKey(b []byte) (*Key, error) {
	if len(b) > maxKeyFile {
		return nil, fmt.Errorf("%w private key: %d bytes, want at most %d", ErrMalformed, len(b), maxKeyFile)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, malformed("private key: no PEM block in it")
	}
	switch block.Type {
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w private key: %w", ErrMalformed, err)
		}
		private, ok := key.(*rsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("%w private key: want an RSA key", ErrMalformed)
		}
		return newKey(private)
	case "RSA PRIVATE KEY":
		private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w private key: %w", ErrMalformed, err)
		}
		return newKey(private)
	default:
		return nil, fmt.Errorf("%w private key: want a PEM block PRIVATE KEY, got %q", ErrMalformed, block.Type)
	}
}

// MarshalPEM returns the key in the form in which it is stored: PKCS #8 PEM,
// not encrypted. Whoever asks for it writes a file with mode 0600.
func (k *Key) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("identity: cannot encode the private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Public returns the *rsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return &k.private.PublicKey }

// Sign signs a digest; see [rsa.PrivateKey.Sign].
func (k *Key) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.private.Sign(rand, digest, opts)
}

// Decrypt decrypts one RSA block; see [rsa.PrivateKey.Decrypt].
func (k *Key) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return k.private.Decrypt(rand, msg, opts)
}

// SPKI returns the DER SubjectPublicKeyInfo of the public key, not to be
// changed.
func (k *Key) SPKI() []byte { return k.spki }

// ID returns the short id of the key.
func (k *Key) ID() infohash.Hash { return k.id }

// LongID returns the long id of the key.
func (k *Key) LongID() value.LongID { return value.KeyLongID(k.spki) }

// String names the key by its id, so that printing it shows no secret.
func (k *Key) String() string { return "key " + k.id.String() }

// GoString is String.
func (k *Key) GoString() string { return k.String() }

// errKeyMismatch reports a private key that is not that of its certificate.
var errKeyMismatch = errors.New("identity: the private key is not that of the certificate")
