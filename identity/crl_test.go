package identity

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"rollcall/dht/value"
)

func TestRealRevocationList(t *testing.T) {
	der := testdata(t, "crl.der")
	account := vectorArchive(t).Account.Chain()[0]
	list, err := ParseRevocationList(der, account)
	if err != nil {
		t.Fatal(err)
	}
	if list.Number.String() != "-2141943478390507914" || list.Account().String() != vectorAccount {
		t.Errorf("number %v of %v", list.Number, list.Account())
	}
	if !list.NextUpdate.Equal(account.NotAfter) {
		t.Errorf("next update %v", list.NextUpdate)
	}
	if len(list.Revoked) != 1 || list.Revoked[0].Serial.Text(16) != "-13ed73b011312788" || !list.Revoked[0].Time.Equal(list.ThisUpdate) {
		t.Errorf("revoked %v", list.Revoked)
	}
	v, err := value.Parse(testdata(t, "dht-crl.value"))
	if err != nil {
		t.Fatal(err)
	}
	carried, err := value.ParseRevocationList(v.Data)
	if err != nil || !bytes.Equal(carried, der) {
		t.Errorf("the value carries another list: %v", err)
	}
	if !list.Value().Equal(v) {
		t.Error("we would put another value")
	}
	if _, err := vectorChain(t, "ring_device.crt").Verify(vectorTime, list); err != nil {
		t.Errorf("the other device: %v", err)
	}
}

// TestListShape compares the list that we make with the real one, byte for byte.
func TestListShape(t *testing.T) {
	a := vectorArchive(t).Account
	want, err := ParseRevocationList(testdata(t, "crl.der"), a.chain[0])
	if err != nil {
		t.Fatal(err)
	}
	got, err := newRevocationList(a.chain[0], a.key, want.Number, want.Revoked, want.ThisUpdate)
	if err != nil || !bytes.Equal(got.Raw, want.Raw) {
		t.Errorf("%v\n got %x\nwant %x", err, got.Raw, want.Raw)
	}
}

func TestRevoke(t *testing.T) {
	made := testAccount(t)
	a := *made.account
	first := made.device.Chain().Leaf()
	other, err := a.IssueDevice(made.device.Key, testTime, &dice{state: 9})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(first, testTime, &dice{state: 1}); err != nil {
		t.Fatal(err)
	}
	one := a.RevocationList()
	if one.Number.Sign() <= 0 {
		t.Errorf("number %v", one.Number)
	}
	if _, err := made.device.Chain().Verify(testTime, one); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked device: %v", err)
	}
	if _, err := other.Chain().Verify(testTime, one); err != nil {
		t.Errorf("other device: %v", err)
	}
	if err := a.Revoke(first, testTime, &dice{}); err != nil || a.RevocationList() != one {
		t.Errorf("revoking again made another list, %v", err)
	}
	if err := a.Revoke(other.Chain().Leaf(), testTime.Add(time.Hour), &dice{}); err != nil {
		t.Fatal(err)
	}
	two := a.RevocationList()
	if next := new(big.Int).Add(one.Number, big.NewInt(1)); two.Number.Cmp(next) != 0 || len(two.Revoked) != 2 {
		t.Errorf("second list: number %v after %v, %d entries", two.Number, one.Number, len(two.Revoked))
	}
	if !two.Revokes(first) || !two.Revokes(other.Chain().Leaf()) {
		t.Error("second list lacks a device")
	}
	std, err := x509.ParseRevocationList(two.Raw)
	if err != nil || len(std.RevokedCertificateEntries) != 2 {
		t.Errorf("crypto/x509: %v", err)
	}
	foreign := vectorChain(t, "ring_device.crt").Leaf()
	if err := a.Revoke(foreign, testTime, &dice{}); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a device of another account was revoked: %v", err)
	}
}

func TestListsThatDoNotCount(t *testing.T) {
	der := testdata(t, "crl.der")
	real := vectorArchive(t).Account.Chain()
	made := testAccount(t)
	if _, err := ParseRevocationList(der, made.account.Chain()[0]); !errors.Is(err, ErrUntrusted) {
		t.Errorf("list of another account: %v", err)
	}
	if _, err := ParseRevocationList(der, real[1]); !errors.Is(err, ErrUntrusted) {
		t.Errorf("list of the authority's issuing: %v", err)
	}
	for i := range der {
		damaged := bytes.Clone(der)
		damaged[i] ^= 1
		if _, err := ParseRevocationList(damaged, real[0]); err == nil {
			t.Fatalf("byte %d changed, and the list is believed", i)
		}
		if _, err := ParseRevocationList(der[:i], real[0]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d bytes of it: %v", i, err)
		}
	}
	if _, err := ParseRevocationList(make([]byte, MaxRevocationListSize+1), real[0]); !errors.Is(err, ErrMalformed) {
		t.Errorf("too long: %v", err)
	}
	// A stranger's list that names our device's serial must not reach it.
	stranger := *made.account
	stranger.key = made.account.ca
	chain, err := issue(subjectOf(nameAccount, stranger.key, true), made.account.chain[1].Subject, made.account.ca, testTime, &dice{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := newRevocationList(chain, stranger.key, big.NewInt(1), []Revocation{{made.device.chain[0].Serial, testTime}}, testTime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := made.device.Chain().Verify(testTime, list); err != nil {
		t.Errorf("revoked by a stranger: %v", err)
	}
}

func FuzzParseRevocationList(f *testing.F) {
	f.Add(testdata(f, "crl.der"))
	account := vectorArchive(f).Account.Chain()[0]
	f.Fuzz(func(t *testing.T, der []byte) {
		outer, ok := readSigned(der)
		if !ok {
			return
		}
		// Nothing of the fuzzer's making is signed: read what is behind the check.
		list := new(RevocationList)
		if _, err := list.readTBS(outer); err == nil {
			list.Revokes(account)
		}
		_, _ = ParseRevocationList(der, account)
	})
}

// TestListUnderOtherCertificate believes a list by the key of the account, also where
// the account is shown with a certificate that says less about the key.
func TestListUnderOtherCertificate(t *testing.T) {
	made := testAccount(t)
	a := *made.account
	if err := a.Revoke(made.device.Chain().Leaf(), testTime, &dice{state: 1}); err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: a.chain[0].Subject.Raw, NotBefore: testTime, NotAfter: testTime.Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "stranger"}}, a.key.Public(), stranger)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	chain := Chain{made.device.Chain().Leaf(), other}
	if _, err := chain.Verify(testTime); err != nil {
		t.Fatal(err)
	}
	list, err := ParseRevocationList(a.RevocationList().Raw, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Verify(testTime, list); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked device: %v", err)
	}
}
