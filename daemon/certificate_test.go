package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/identity"
)

// TestCertificates: a daemon knows the certificates of its own device and of the
// devices that it met, by every id that they go by.
func TestCertificates(t *testing.T) {
	t.Parallel()
	bootstrap := startNetwork(t, 3)
	here, there := newMachine(t, bootstrap), newMachine(t, bootstrap)
	alice, _ := here.addAccount(t, "alice")
	bob, bobURI := there.addAccount(t, "bob")

	own, err := here.OwnCertificates(alice)
	if err != nil || len(own) != 1 || len(own[0]) != 3 {
		t.Fatalf("own certificates: %v, %v", own, err)
	}
	theirs, err := there.OwnCertificates(bob)
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(id AccountID, name string, want *identity.Certificate, trusted, hasKey bool) {
		t.Helper()
		c, err := here.Certificate(id, name)
		if err != nil || c.ID() != want.ID() || c.IssuedBy == nil || c.Trusted != trusted || c.HasKey != hasKey || c.Revoked || c.Invalid != nil {
			t.Errorf("%s: %+v, %v; want trusted %v, with key %v", name, c, err, trusted, hasKey)
		}
	}
	for i, c := range own[0] {
		for _, id := range []AccountID{alice, ""} {
			certificate(id, c.ID().String(), c, true, i == 0)
			certificate(id, strings.ToUpper(c.LongID().String()), c, true, i == 0)
		}
	}
	device, account := theirs[0][0], theirs[0][1]
	if c, err := here.Certificate(alice, device.ID().String()); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("before they met: %+v, %v", c, err)
	}
	if err := here.SendRequest(t.Context(), alice, bobURI, nil); err != nil {
		t.Fatal(err)
	}
	await(t, there, func(AccountID, RequestReceived) bool { return true })
	certificate(alice, device.ID().String(), device, true, false)
	certificate(alice, device.LongID().String(), device, true, false)
	certificate("", bobURI.String(), account, true, false)
	if _, err := here.RemoveContact(t.Context(), alice, bobURI, false); err != nil {
		t.Fatal(err)
	}
	certificate(alice, device.ID().String(), device, false, false)

	for _, name := range []string{"", "xyz", strings.Repeat("0", 40), strings.Repeat("0", 64)} {
		if c, err := here.Certificate(alice, name); !errors.Is(err, ErrNoCertificate) {
			t.Errorf("%q: %+v, %v", name, c, err)
		}
	}
	if _, err := here.Certificate("0123456789abcdef", bobURI.String()); !errors.Is(err, ErrUnknownAccount) {
		t.Errorf("unknown account: %v", err)
	}
}

func TestCertificateFile(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "")
	const testdata = "../identity/testdata/"
	chain, key := testdata+"ring_device.crt", testdata+"ring_device.key"
	for _, tt := range []struct {
		key    string
		hasKey bool
	}{{"", false}, {key, true}, {chain, false}} {
		c, err := m.CertificateFile("", chain, tt.key)
		if err != nil || c.HasKey != tt.hasKey || c.Trusted || c.Subject.CommonName != "Jami device" || c.Subject.UID != c.ID().String() {
			t.Errorf("with key %q: %+v, %v", tt.key, c, err)
		}
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	var invalid *InvalidError
	for _, path := range []string{"", "nowhere", testdata, "/dev/zero", text, key} {
		if c, err := m.CertificateFile("", path, ""); !errors.As(err, &invalid) || invalid.Value != path {
			t.Errorf("%q: %+v, %v", path, c, err)
		}
		if c, err := m.CertificateFile("", chain, path); path != "" && path != text && path != key && !errors.As(err, &invalid) {
			t.Errorf("key %q: %+v, %v", path, c, err)
		}
	}
}
