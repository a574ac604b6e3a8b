package dbus

import (
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"rollcall/daemon"
	"rollcall/identity"
)

// TestCertificates asks for the certificates of an account in both generations.
func TestCertificates(t *testing.T) {
	c := newDesktop(t, alone)
	id, uri := c.addAccount("alice")
	details := c.details(id)
	path, key := details["TLS.certificateFile"], details["TLS.privateKeyFile"]
	device := c.call("ConfigurationManager.getPinnedCertificates", id)
	if device != c.call("ConfigurationManager.getPinnedCertificates") || strings.Count(device, " ") != 5 || !strings.Contains(device, uri) {
		t.Errorf("pinned certificates: %s", device)
	}
	device, _, _ = strings.Cut(strings.Trim(device, "[]"), " ")

	contains := func(got string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(got, part) {
				t.Errorf("no %s in %s", part, got)
			}
		}
	}
	for _, args := range [][]any{{device}, {id, device}} {
		got := c.call("ConfigurationManager.getCertificateDetails", args...)
		contains(got, "CN:Jami device", "ISSUER:"+uri, "ISSUER_DN:CN=Jami,UID="+uri, "IS_CA:false", "VERSION_NUMBER:3",
			"SIGNATURE_ALGORITHM:RSA-SHA512", "SUBJECT_KEY_ALGORITHM:RSA", "ACTIVATION_DATE:"+time.Now().UTC().Format("2006"))
		for _, file := range [][]any{{path, "", ""}, {id, path, key, ""}} {
			if other := c.call("ConfigurationManager.getCertificateDetailsPath", file...); other != got {
				t.Errorf("by its file: %s, by its id: %s", other, got)
			}
		}
	}
	contains(c.call("ConfigurationManager.getCertificateDetails", uri), "CN:Jami ", "IS_CA:true")
	for _, got := range []string{
		c.call("ConfigurationManager.validateCertificate", id, device),
		c.call("ConfigurationManager.validateCertificatePath", id, path, key, "", ""),
	} {
		contains(got, "EXIST:PASSED", "VALID:PASSED", "HAS_PRIVATE_KEY:PASSED", "KEY_MATCH:PASSED", "KNOWN_AUTHORITY:PASSED",
			"NOT_SELF_SIGNED:PASSED", "AUTHORITY_MISMATCH:PASSED", "STRONG_SIGNING:PASSED", "UNEXPECTED_OWNER:UNSUPPORTED")
	}
	contains(c.call("ConfigurationManager.validateCertificate", id, uri), "VALID:PASSED", "HAS_PRIVATE_KEY:FAILED", "KEY_MATCH:UNSUPPORTED")

	const nobody = "0123456789abcdef"
	c.want("map[]", "getCertificateDetails", uri[1:])
	c.want("map[]", "getCertificateDetails", nobody, device)
	c.want("map[]", "getCertificateDetailsPath", c.dir, "", "")
	c.want("map[]", "getCertificateDetailsPath", path, c.dir, "")
	c.want("[]", "getPinnedCertificates", nobody)
	c.want("map[EXIST:FAILED]", "validateCertificate", id, "")
	c.want("map[EXIST:FAILED]", "validateCertificate", nobody, device)
	c.want("map[EXIST:FAILED]", "validateCertificatePath", id, c.dir, "", "", "")
}

// TestChecks judges a certificate of an old daemon, with a negative serial number, at
// different times.
func TestChecks(t *testing.T) {
	b, err := os.ReadFile("../../identity/testdata/ring_device.crt")
	if err != nil {
		t.Fatal(err)
	}
	chain, err := identity.ParseChain(b)
	if err != nil {
		t.Fatal(err)
	}
	device := daemon.Certificate{Certificate: chain[0], IssuedBy: chain[1]}
	another := device
	another.IssuedBy, another.Invalid, another.Revoked = chain[2], errors.New("revoked"), true
	long := 20 * 365 * 24 * time.Hour
	for _, tt := range []struct {
		certificate daemon.Certificate
		at          time.Time
		failed      string
	}{
		{device, chain[0].NotBefore, "KNOWN_AUTHORITY VALID_AUTHORITY HAS_PRIVATE_KEY"},
		{device, chain[0].NotBefore.Add(-time.Second), "KNOWN_AUTHORITY VALID_AUTHORITY HAS_PRIVATE_KEY NOT_ACTIVATED"},
		{device, chain[0].NotAfter.Add(long), "KNOWN_AUTHORITY VALID_AUTHORITY HAS_PRIVATE_KEY EXPIRED"},
		{another, chain[0].NotBefore, "KNOWN_AUTHORITY VALID_AUTHORITY HAS_PRIVATE_KEY VALID NOT_REVOKED AUTHORITY_MISMATCH"},
	} {
		for name, state := range certificateChecks(tt.certificate, nil, tt.at) {
			if want := strings.Contains(" "+tt.failed+" ", " "+name+" "); (state == failed) != want {
				t.Errorf("%s is %s at %v", name, state, tt.at)
			}
		}
	}
}

func TestSerialText(t *testing.T) {
	for text, n := range map[string]int64{"0770dfdca3cef62a": 0x0770dfdca3cef62a, "ff": -1, "80": -128, "ff7f": -129, "8ebc5c8fc0e0625a": -0x7143a3703f1f9da6} {
		if got := serialText(big.NewInt(n)); got != text {
			t.Errorf("%d: %s, want %s", n, got, text)
		}
	}
}

func TestAlgorithmText(t *testing.T) {
	for algorithm, want := range map[x509.SignatureAlgorithm]string{x509.SHA384WithRSA: "RSA-SHA384", x509.ECDSAWithSHA256: "ECDSA-SHA256"} {
		if got := algorithmText(algorithm); got != want {
			t.Errorf("%v: %s, want %s", algorithm, got, want)
		}
	}
}
