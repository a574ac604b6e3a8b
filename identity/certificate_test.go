package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"
)

func TestRealCertificates(t *testing.T) {
	chain := vectorChain(t, "ring_device.crt")
	if len(chain) != 3 {
		t.Fatalf("%d certificates", len(chain))
	}
	for i, want := range []struct {
		name, uid, serial string
		ca                bool
	}{
		{"Jami device", vectorDevice, "-4c6ea1dceb5ae693", false},
		{"Jami", vectorAccount, "-4a713fb5c88027f0", true},
		{"Jami CA", vectorCA, "7ea9bdd787a1ef02", true},
	} {
		c := chain[i]
		if c.Subject.CommonName != want.name || c.Subject.UID != want.uid || c.IsCA != want.ca {
			t.Errorf("certificate %d: %+v CA %v, want %+v", i, c.Subject, c.IsCA, want)
		}
		if got := c.Serial.Text(16); got != want.serial {
			t.Errorf("certificate %d: serial %s, want %s", i, got, want.serial)
		}
		if c.ID().String() != want.uid {
			t.Errorf("certificate %d: id %v is not its UID", i, c.ID())
		}
		id := c.ID()
		if want.ca != bytes.Equal(c.SubjectKeyID, id[:]) {
			t.Errorf("certificate %d: subject key id %x", i, c.SubjectKeyID)
		}
		if got := c.NotAfter.Sub(c.NotBefore); got != validity {
			t.Errorf("certificate %d: lasts %v", i, got)
		}
	}
	account, err := chain.Verify(vectorTime)
	if err != nil || account.String() != vectorAccount {
		t.Errorf("Verify = %v, %v", account, err)
	}
}

func TestSelfSignedOfOtherPrograms(t *testing.T) {
	for _, name := range []string{"carol.crt", "dave.crt"} { // RSA and P-384, negative serials
		chain := vectorChain(t, name)
		if err := chain.VerifyLinks(vectorTime); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if chain.Leaf().Serial.Sign() >= 0 {
			t.Errorf("%s: serial %v", name, chain.Leaf().Serial)
		}
		if _, err := chain.Verify(vectorTime); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s passes for a device: %v", name, err)
		}
	}
	if _, err := vectorChain(t, "alice.crt").Verify(vectorTime); err != nil {
		t.Errorf("alice: %v", err)
	}
}

// TestShape compares what we write with a real certificate for the same key,
// byte for byte, but for serial and hash.
func TestShape(t *testing.T) {
	account := vectorArchive(t).Account
	device := vectorChain(t, "ring_device.crt")
	key, err := ParseKey(testdata(t, "ring_device.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		want   *Certificate
		holder subject
		issuer *Key
	}{
		{"authority", account.chain[1], subjectOf(nameCA, account.ca, true), account.ca},
		{"account", account.chain[0], subjectOf(nameAccount, account.key, true), account.ca},
		{"device", device[0], subjectOf(nameDevice, key, false), account.key},
	} {
		got, err := issue(c.holder, c.want.Issuer, c.issuer, c.want.NotBefore, &dice{state: 7})
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Replace(c.want.signed.tbs, []byte("\x0d\x01\x01\x0c"), []byte("\x0d\x01\x01\x0d"), 1) // SHA-384 to SHA-512
		serial := func(c *Certificate) []byte {
			n := new(big.Int).Set(c.Serial)
			if n.Sign() < 0 {
				n.Add(n, new(big.Int).Lsh(big.NewInt(1), 64))
			}
			return n.Bytes()
		}
		want = bytes.Replace(want, serial(c.want), serial(got), 1)
		if !bytes.Equal(got.signed.tbs, want) {
			t.Errorf("%s:\n got %x\nwant %x", c.name, got.signed.tbs, want)
		}
		if got.Serial.Sign() <= 0 || got.Serial.BitLen() > 63 {
			t.Errorf("%s: serial %v", c.name, got.Serial)
		}
		if _, err := x509.ParseCertificate(got.Raw); err != nil {
			t.Errorf("%s: crypto/x509: %v", c.name, err)
		}
	}
}

// TestSerialIsNeverZero draws from a source that gives only zeros, or ones.
func TestSerialIsNeverZero(t *testing.T) {
	for _, c := range []struct {
		b    byte
		want int64
	}{{0, 1}, {0xff, 1<<63 - 1}} {
		n, err := newSerial(bytes.NewReader(bytes.Repeat([]byte{c.b}, 8)))
		if err != nil || n.Cmp(big.NewInt(c.want)) != 0 {
			t.Errorf("newSerial of %x = %v, %v", c.b, n, err)
		}
	}
	if _, err := newSerial(bytes.NewReader(nil)); err == nil {
		t.Error("newSerial without randomness succeeded")
	}
}

func TestLateCertificate(t *testing.T) {
	a := testAccount(t).account
	late := time.Date(2060, 1, 2, 3, 4, 5, 0, time.UTC)
	c, err := issue(subjectOf(nameCA, a.ca, true), a.chain[1].Subject, a.ca, late, &dice{})
	if err != nil || !c.NotBefore.Equal(late) {
		t.Errorf("certificate of 2060: %v, %v", c, err)
	}
}

func TestPublicKeysOfUnknownKind(t *testing.T) {
	// Ed25519: readable, not trustworthy.
	const ed25519 = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----`
	block, _ := pem.Decode([]byte(ed25519))
	key, err := parsePublicKey(block.Bytes)
	if key != nil || err != nil {
		t.Fatalf("parsePublicKey = %v, %v", key, err)
	}
	if err := checkStrength(key); !errors.Is(err, ErrUntrusted) {
		t.Errorf("checkStrength = %v", err)
	}
}

// TestDamagedCertificate flips each byte of a certificate in turn: it must be
// refused when read or when verified.
func TestDamagedCertificate(t *testing.T) {
	chain := testAccount(t).device.Chain()
	raw := chain[0].Raw
	for i := range raw {
		damaged := bytes.Clone(raw)
		damaged[i] ^= 1
		c, err := ParseCertificate(damaged)
		if err != nil {
			continue
		}
		if _, err := append(Chain{c}, chain[1:]...).Verify(testTime); err == nil {
			t.Fatalf("byte %d changed, and the chain still verifies", i)
		}
	}
	for n := range raw {
		if _, err := ParseCertificate(raw[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d of %d bytes: %v", n, len(raw), err)
		}
	}
	if _, err := ParseCertificate(append(bytes.Clone(raw), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte after the certificate: %v", err)
	}
}

func FuzzParseCertificate(f *testing.F) {
	for _, name := range []string{"ring_device.crt", "alice.crt", "carol.crt", "dave.crt"} {
		for _, c := range vectorChain(f, name) {
			f.Add(c.Raw)
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := ParseCertificate(der)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Raw, der) {
			t.Fatal("not all of the input was read")
		}
		_, _ = Chain{c, c}.Verify(vectorTime)
	})
}

func FuzzParseChain(f *testing.F) {
	for _, name := range []string{"ring_device.crt", "alice.crt"} {
		f.Add(testdata(f, name))
		f.Add(vectorChain(f, name).Value().Data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		chain, err := ParseChain(b)
		if err != nil {
			return
		}
		again, err := ParseChain(chain.AppendPEM(nil))
		if err != nil || len(again) != len(chain) {
			t.Fatalf("packed again: %d of %d certificates, %v", len(again), len(chain), err)
		}
	})
}
