package engine

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"sync"
	"testing"

	"rollcall/dht/value"
)

// signer is the key of alice in the vectors of package value.
var signer = sync.OnceValue(func() crypto.Signer {
	text, err := os.ReadFile("../../value/testdata/identities.json")
	if err != nil {
		panic(err)
	}
	var identities map[string]struct {
		PrivateKey string `json:"private_key_pem"`
	}
	if err := json.Unmarshal(text, &identities); err != nil {
		panic(err)
	}
	block, _ := pem.Decode([]byte(identities["alice"].PrivateKey))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(crypto.Signer)
})

// signedValue returns a value signed by alice.
func signedValue(t testing.TB, id uint64, seq uint16, text string) *value.Value {
	t.Helper()
	v := &value.Value{ID: id, Seq: seq, Data: []byte(text)}
	if err := value.Sign(v, signer()); err != nil {
		t.Fatal(err)
	}
	return v
}

// forgedValue returns a value with a signature that no key made.
func forgedValue(t testing.TB, id uint64, size int) *value.Value {
	t.Helper()
	owner, err := value.MarshalPublicKey(signer().Public().(*rsa.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return &value.Value{ID: id, Owner: owner, Seq: 1, Data: make([]byte, size), Signature: make([]byte, 256)}
}
