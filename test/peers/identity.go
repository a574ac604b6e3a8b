package peers

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollcall/dht/infohash"
)

// Identity is a key pair with a certificate, as PEM files.
type Identity struct {
	// Path is the common part of the files' names: Path.key, Path.crt.
	Path string
	// ID is the key id: where the certificate is found, and the address of
	// encrypted values.
	ID infohash.Hash
}

// NewIdentity makes a self-signed identity with a fresh RSA key that is
// quickly made.
func NewIdentity(t testing.TB, name string) *Identity {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	id := &Identity{Path: filepath.Join(t.TempDir(), name), ID: sha1.Sum(public)}
	writePEM(t, id.Path+".key", "PRIVATE KEY", private)
	writePEM(t, id.Path+".crt", "CERTIFICATE", certificate)
	return id
}

func writePEM(t testing.TB, name, block string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
