package value

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"strconv"
	"testing"

	"rollcall/dht/infohash"
)

// hexBytes are bytes written as hexadecimal digits in the vectors.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// valueVector is one value made by a peer (testdata/values.json).
type valueVector struct {
	Name           string
	ID             string
	Type           TypeID
	Seq            uint16
	UserType       string   `json:"utype"`
	Priority       uint8    `json:"prio"`
	Data           hexBytes `json:"data_hex"`
	ToSign         hexBytes `json:"to_sign_hex"`
	Signature      hexBytes `json:"signature_hex"`
	Cypher         hexBytes `json:"cypher_hex"`
	Packed         hexBytes `json:"packed_hex"`
	Plaintext      hexBytes `json:"plaintext_hex"`
	InnerToSign    hexBytes `json:"inner_to_sign_hex"`
	InnerSignature hexBytes `json:"inner_signature_hex"`
	InnerData      hexBytes `json:"inner_data_hex"`
	InnerSeq       uint16   `json:"inner_seq"`
	To             string
}

// identityVector is a key with its certificate (testdata/identities.json).
type identityVector struct {
	PrivateKey string        `json:"private_key_pem"`
	Chain      string        `json:"certificate_pem_chain"`
	SPKI       hexBytes      `json:"public_key_der_hex"`
	ID         infohash.Hash `json:"id_sha1"`
	LongID     string        `json:"long_id_sha256"`
	NodeID     infohash.Hash `json:"default_node_id"`
	Key2       infohash.Hash `json:"cert_key_2x"`
	Key4       infohash.Hash `json:"cert_key_4x"`
}

func readJSON[T any](tb testing.TB, name string) T {
	tb.Helper()
	var v T
	if err := json.Unmarshal(readFile(tb, name), &v); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return v
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func valueVectors(tb testing.TB) []valueVector {
	tb.Helper()
	vectors := readJSON[[]valueVector](tb, "values.json")
	if len(vectors) == 0 {
		tb.Fatal("no vectors")
	}
	return vectors
}

// vector returns one value vector, parsed.
func vector(tb testing.TB, name string) (valueVector, *Value) {
	tb.Helper()
	for _, x := range valueVectors(tb) {
		if x.Name == name {
			return x, mustParse(tb, x.Packed)
		}
	}
	tb.Fatalf("no vector %q", name)
	return valueVector{}, nil
}

func mustParse(tb testing.TB, packed []byte) *Value {
	tb.Helper()
	v, err := Parse(packed)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func (x valueVector) id(tb testing.TB) uint64 {
	tb.Helper()
	id, err := strconv.ParseUint(x.ID, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func identityVectors(tb testing.TB) map[string]identityVector {
	tb.Helper()
	return readJSON[map[string]identityVector](tb, "identities.json")
}

// signer returns the private key of an identity of the vectors.
func signer(tb testing.TB, name string) crypto.Signer {
	tb.Helper()
	return parsePrivateKey(tb, []byte(identityVectors(tb)[name].PrivateKey))
}

func rsaKey(tb testing.TB, name string) *rsa.PrivateKey {
	tb.Helper()
	return signer(tb, name).(*rsa.PrivateKey)
}

func parsePrivateKey(tb testing.TB, text []byte) crypto.Signer {
	tb.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		tb.Fatal("no PEM private key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return key.(crypto.Signer)
}
