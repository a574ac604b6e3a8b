package wire

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"fmt"

	"rollcall/internal/msgpack"
)

// valueIDOffset is where the eight bytes of the id stand in a packed value: after
// the map header, the key "id" and the type byte.
const valueIDOffset = 1 + 3 + 1

// Plain packs an unsigned value of user data around data.
func Plain(data []byte) []byte {
	b := openValue()
	b = msgpack.AppendMap(b, 1)
	b = msgpack.AppendString(b, "body")
	b = msgpack.AppendMap(b, 2)
	return appendContent(b, data)
}

func openValue() []byte {
	b := msgpack.AppendMap(nil, 2)
	b = msgpack.AppendUint(msgpack.AppendString(b, "id"), WideVID)
	return msgpack.AppendString(b, "dat")
}

func appendContent(b, data []byte) []byte {
	b = msgpack.AppendUint(msgpack.AppendString(b, "type"), 0)
	return msgpack.AppendBin(msgpack.AppendString(b, "data"), data)
}

// Signer packs values that it signs with its RSA key.
type Signer struct {
	key   *rsa.PrivateKey
	owner []byte
}

// NewSigner makes an owner with a fresh RSA key of the given size.
func NewSigner(bits int) (*Signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("generate owner: %w", err)
	}
	owner, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("encode owner: %w", err)
	}
	return &Signer{key: key, owner: owner}, nil
}

// Value packs a signed value of user data with sequence number 0 around data.
func (s *Signer) Value(data []byte) ([]byte, error) {
	body := msgpack.AppendMap(nil, 4)
	body = msgpack.AppendUint(msgpack.AppendString(body, "seq"), 0)
	body = msgpack.AppendBin(msgpack.AppendString(body, "owner"), s.owner)
	body = appendContent(body, data)
	digest := sha512.Sum512(body)
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA512, digest[:])
	if err != nil {
		return nil, fmt.Errorf("sign value: %w", err)
	}
	b := msgpack.AppendMap(openValue(), 2)
	b = append(msgpack.AppendString(b, "body"), body...)
	return msgpack.AppendBin(msgpack.AppendString(b, "sig"), sig), nil
}
