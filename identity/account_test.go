package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/dht/value"
)

var testTime = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

type accountAndDevice struct {
	account *Account
	device  *Device
}

// made is one account with keys of 2048 bits for all tests, which must not
// change it.
var made = sync.OnceValues(func() (accountAndDevice, error) {
	a, d, err := Generate(context.Background(), Config{Bits: 2048}, testTime, &dice{})
	return accountAndDevice{a, d}, err
})

func testAccount(t testing.TB) accountAndDevice {
	t.Helper()
	m, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGenerate(t *testing.T) {
	var steps []int
	progress := func(done, total int) {
		if total != 3 {
			t.Errorf("total %d", total)
		}
		steps = append(steps, done)
	}
	a, d, err := Generate(t.Context(), Config{Bits: 2048, Progress: progress}, testTime, &dice{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(steps, []int{1, 2, 3}) {
		t.Errorf("progress %v", steps)
	}
	if id, err := d.Chain().Verify(testTime); err != nil || id != a.ID() || id != d.Account() {
		t.Errorf("Verify = %v, %v; account %v, device of %v", id, err, a.ID(), d.Account())
	}
	if bytes.Equal(a.ca.spki, a.key.spki) || d.ID() == a.ID() {
		t.Error("a key is used twice")
	}
}

// TestFullSize makes an account of the size that is used, from keys of 4096
// bits that exist: making such keys is for the benchmark.
func TestFullSize(t *testing.T) {
	a := vectorArchive(t).Account
	if err := a.Renew(testTime, &dice{}); err != nil {
		t.Fatal(err)
	}
	d, err := a.IssueDevice(vectorDeviceAndKey(t).Key, testTime, &dice{state: 1})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := d.Chain().Verify(testTime); err != nil || id.String() != vectorAccount {
		t.Errorf("Verify = %v, %v", id, err)
	}
	if n := len(d.SPKI()); n != 550 {
		t.Errorf("public key of %d bytes", n)
	}
	r, err := a.NewReceipt(d, announced(d))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Announcement.Append(nil)); n != 1696 {
		t.Errorf("announcement of %d bytes", n)
	}
	if n := len(d.Chain().Value().Data); n < 5600 || n > 5700 {
		t.Errorf("certificate value of %d bytes", n)
	}
}

func BenchmarkVerify(b *testing.B) {
	chain := vectorChain(b, "ring_device.crt")
	for b.Loop() {
		if _, err := chain.Verify(vectorTime); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseChain(b *testing.B) {
	text := testdata(b, "ring_device.crt")
	for b.Loop() {
		if _, err := ParseChain(text); err != nil {
			b.Fatal(err)
		}
	}
}

func TestGenerateEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Generate(ctx, Config{}, testTime, &dice{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, _, err := Generate(t.Context(), Config{Bits: 100}, testTime, &dice{}); err == nil {
		t.Error("100 bits accepted")
	}
	if _, _, err := Generate(t.Context(), Config{Bits: 1024}, testTime, bytes.NewReader(nil)); err == nil {
		t.Error("no randomness accepted")
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	m := testAccount(t)
	secret := m.device.private.D.String()
	for _, v := range []any{m.account, m.device, m.device.Key, Password("tulip")} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			s := fmt.Sprintf(format, v)
			if strings.Contains(s, secret) || strings.Contains(s, "tulip") || len(s) > 200 {
				t.Errorf("%s of %T prints %s", format, v, s)
			}
		}
	}
}

// TestDeviceSignsAndDecrypts hands a device to the value layer.
func TestDeviceSignsAndDecrypts(t *testing.T) {
	d := testAccount(t).device
	v := &value.Value{ID: 7, Recipient: d.ID(), Data: []byte("to myself")}
	if err := value.Sign(v, d); err != nil {
		t.Fatal(err)
	}
	sealed, err := value.Encrypt(v, d.Public().(*rsa.PublicKey), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := value.Decrypt(sealed, d, d.ID())
	if err != nil || string(opened.Data) != "to myself" || opened.OwnerID() != d.ID() {
		t.Errorf("Decrypt = %v, %v", opened, err)
	}
}

func TestKeyFiles(t *testing.T) {
	d := testAccount(t).device
	packed, err := d.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(packed)
	if err != nil || key.ID() != d.ID() {
		t.Fatalf("ParseKey = %v, %v", key, err)
	}
	if _, err := NewDevice(d.Chain(), key); err != nil {
		t.Errorf("NewDevice: %v", err)
	}
	if _, err := NewDevice(d.Chain()[1:], key); !errors.Is(err, errKeyMismatch) {
		t.Errorf("NewDevice with another's chain: %v", err)
	}
	if _, err := NewDevice(d.Chain()[:1], key); !errors.Is(err, ErrMalformed) {
		t.Errorf("NewDevice without an account: %v", err)
	}
	for _, text := range []string{
		"",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		string(packed[:len(packed)/2]),
		string(packed) + strings.Repeat("\n", maxKeyFile),
	} {
		if _, err := ParseKey([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseKey(%.40q): %v", text, err)
		}
	}
}

func TestRenew(t *testing.T) {
	made := testAccount(t)
	a := *made.account
	if err := a.Revoke(made.device.Chain().Leaf(), testTime, &dice{}); err != nil {
		t.Fatal(err)
	}
	number := a.RevocationList().Number
	late := testTime.Add(validity + time.Hour)
	if a.NeedsRenewal(testTime) || !a.NeedsRenewal(late) {
		t.Error("NeedsRenewal does not follow the dates")
	}
	if err := a.Renew(late, &dice{state: 5}); err != nil {
		t.Fatal(err)
	}
	if a.NeedsRenewal(late) || a.ID() != made.account.ID() {
		t.Errorf("after Renew: NeedsRenewal %v, id %v", a.NeedsRenewal(late), a.ID())
	}
	d, err := a.IssueDevice(made.device.Key, late, &dice{state: 6})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := d.Chain().Verify(late, a.RevocationList()); err != nil || id != a.ID() || d.ID() != made.device.ID() {
		t.Errorf("renewed device %v of %v: %v", d.ID(), id, err)
	}
	list := a.RevocationList()
	if !list.Revokes(made.device.Chain().Leaf()) || list.Number.Cmp(number) <= 0 || !list.NextUpdate.Equal(a.chain[0].NotAfter) {
		t.Errorf("list after Renew: number %v after %v, until %v", list.Number, number, list.NextUpdate)
	}
	a.ca = nil
	if err := a.Renew(late, &dice{}); !errors.Is(err, ErrNoAuthority) {
		t.Errorf("Renew without authority: %v", err)
	}
}
