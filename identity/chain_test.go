package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"rollcall/dht/value"
)

// link is one certificate of a chain to build: what differs from a good one.
type link struct {
	cert x509.Certificate
	key  any // *rsa.PrivateKey or *ecdsa.PrivateKey
}

// build makes a chain with the standard library, leaf first; the last signs
// itself.
func build(t *testing.T, links ...link) Chain {
	t.Helper()
	var b []byte
	for i := range links {
		cert := &links[i].cert
		cert.SerialNumber = big.NewInt(int64(i + 1))
		cert.Subject = pkix.Name{CommonName: string(rune('a' + i))}
		if cert.NotBefore.IsZero() {
			cert.NotBefore, cert.NotAfter = testTime.Add(-time.Hour), testTime.Add(time.Hour)
		}
		cert.BasicConstraintsValid = i > 0
	}
	for i, l := range links {
		issuer := links[min(i+1, len(links)-1)]
		var public any
		switch key := l.key.(type) {
		case *rsa.PrivateKey:
			public = &key.PublicKey
		case *ecdsa.PrivateKey:
			public = &key.PublicKey
		}
		der, err := x509.CreateCertificate(rand.Reader, &l.cert, &issuer.cert, public, issuer.key)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, der...)
	}
	chain, err := ParseChain(b)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func TestVerifyChains(t *testing.T) {
	made := testAccount(t)
	device, account, ca := made.device.private, made.account.key.private, made.account.ca.private
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := x509.Certificate{IsCA: true}
	leaf := link{key: device}
	later, earlier := testTime.Add(time.Minute), testTime.Add(-time.Minute)

	for _, c := range []struct {
		name  string
		chain []link
		want  string // part of the error, "" for a good chain
	}{
		{"three levels", []link{leaf, {authority, account}, {authority, ca}}, ""},
		{"two levels", []link{leaf, {authority, account}}, ""},
		{"elliptic authority", []link{leaf, {authority, account}, {authority, elliptical}}, ""},
		{"four levels", []link{leaf, {authority, account}, {authority, ca}, {authority, elliptical}}, ""},
		{"leaf alone", []link{leaf}, "chain of 1"},
		{"device not yet valid", []link{{x509.Certificate{NotBefore: later, NotAfter: later}, device}, {authority, account}}, "begins only"},
		{"device expired", []link{{x509.Certificate{NotBefore: earlier, NotAfter: earlier}, device}, {authority, account}}, "ended at"},
		{"account expired", []link{leaf, {x509.Certificate{IsCA: true, NotBefore: earlier, NotAfter: earlier}, account}}, "ended at"},
		{"account is no authority", []link{leaf, {x509.Certificate{}, account}, {authority, ca}}, "is no authority"},
		{"account may sign lists only", []link{leaf, {x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCRLSign}, account}}, "may not sign"},
		{"account may sign certificates", []link{leaf, {x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign}, account}}, ""},
		{"path too long", []link{leaf, {authority, account}, {x509.Certificate{IsCA: true, MaxPathLenZero: true}, ca}}, "too long"},
		{"path long enough", []link{leaf, {authority, account}, {x509.Certificate{IsCA: true, MaxPathLen: 1}, ca}}, ""},
		{"weak device", []link{{key: small}, {authority, account}}, "1024 bits"},
		{"weak authority", []link{leaf, {authority, account}, {authority, small}}, "1024 bits"},
		{"SHA-1", []link{{x509.Certificate{SignatureAlgorithm: x509.SHA1WithRSA}, device}, {authority, account}}, "not accepted"},
		{"PSS", []link{{x509.Certificate{SignatureAlgorithm: x509.SHA256WithRSAPSS}, device}, {authority, account}}, "signature algorithm"},
		{"SHA-256", []link{{x509.Certificate{SignatureAlgorithm: x509.SHA256WithRSA}, device}, {authority, account}}, ""},
		{"unknown critical extension", []link{{x509.Certificate{ExtraExtensions: []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true}}}, device}, {authority, account}}, "1.2.3.4"},
		{"unknown extension", []link{{x509.Certificate{ExtraExtensions: []pkix.Extension{{Id: []int{1, 2, 3, 4}}}}, device}, {authority, account}}, ""},
	} {
		chain := build(t, c.chain...)
		id, err := chain.Verify(testTime)
		switch {
		case c.want == "":
			if err != nil || id != made.account.ID() {
				t.Errorf("%s: %v, %v", c.name, id, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		case !errors.Is(err, ErrUntrusted) && !errors.Is(err, ErrMalformed):
			t.Errorf("%s: %v wraps no sentinel", c.name, err)
		case !id.IsZero():
			t.Errorf("%s: refused, yet account %v", c.name, id)
		}
	}
}

// TestVerifyMixedChains puts certificates together that do not belong together.
func TestVerifyMixedChains(t *testing.T) {
	made := testAccount(t)
	ours := made.device.Chain()
	theirs := vectorChain(t, "ring_device.crt")
	forged, err := issue(subjectOf(nameDevice, made.device.Key, false), theirs[1].Subject, made.account.key, testTime, &dice{})
	if err != nil {
		t.Fatal(err)
	}
	for name, chain := range map[string]Chain{
		"other account":           {ours[0], theirs[1], theirs[2]},
		"account's name only":     {forged, theirs[1], theirs[2]},
		"level left out":          {ours[0], ours[2]},
		"upside down":             {ours[2], ours[1], ours[0]},
		"device twice":            {ours[0], ours[0]},
		"authority twice":         {ours[2], ours[2]},
		"five levels":             {ours[0], ours[1], ours[2], ours[2], ours[2]},
		"nothing":                 {},
		"authority of another":    {ours[0], ours[1], theirs[2]},
		"device as the authority": {ours[0], ours[1], ours[0]},
	} {
		if id, err := chain.Verify(vectorTime); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
}

func TestParseChainForms(t *testing.T) {
	want := vectorChain(t, "ring_device.crt")
	var der []byte
	for _, c := range want {
		der = append(der, c.Raw...)
	}
	text := want.AppendPEM(nil)
	if string(text) != string(testdata(t, "ring_device.crt")) {
		t.Error("packed chain differs from the file")
	}
	for name, b := range map[string][]byte{
		"PEM":        text,
		"PEM, CRLF":  []byte(strings.ReplaceAll(string(text), "\n", "\r\n")),
		"PEM, words": append([]byte("0 words before\n"), text...),
		"DER":        der,
		"value":      want.Value().Data,
	} {
		chain, err := ParseChain(b)
		if err != nil || len(chain) != 3 || chain[2].ID() != want[2].ID() {
			t.Errorf("%s: %d certificates, %v", name, len(chain), err)
		}
	}
	for name, b := range map[string][]byte{
		"nothing":      nil,
		"words":        []byte("not a certificate"),
		"half a PEM":   text[:1000],
		"half a DER":   der[:1000],
		"private key":  testdata(t, "ring_device.key"),
		"five":         append(append([]byte{}, text...), text...),
		"big":          append([]byte{0x30, 0x83, 0x01, 0x00, 0x00}, make([]byte, value.MaxCertificateSize*4)...),
		"rest in DER":  append(append([]byte{}, der...), 1, 2, 3),
		"empty blocks": []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
	} {
		if chain, err := ParseChain(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %d certificates, %v", name, len(chain), err)
		}
	}
}
