package identity

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

func vectorDeviceAndKey(t testing.TB) *Device {
	t.Helper()
	key, err := ParseKey(testdata(t, "ring_device.key"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDevice(vectorChain(t, "ring_device.crt"), key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRealReceipt(t *testing.T) {
	d := vectorDeviceAndKey(t)
	text, sig := testdata(t, "receipt.json"), testdata(t, "receipt.sig")
	r, err := d.OpenReceipt(text, sig, vectorTime)
	if err != nil {
		t.Fatal(err)
	}
	if r.Account.String() != vectorAccount || r.Device.String() != vectorDevice || r.EthAddress != vectorEth {
		t.Errorf("receipt of %v, %v, %s", r.Account, r.Device, r.EthAddress)
	}
	if !bytes.Equal(r.Announcement.Append(nil), testdata(t, "receipt-announce.msgpack")) {
		t.Error("announcement differs")
	}
	// PKCS #1 v1.5 signatures are a function of key and text: with the account's
	// key we make the very same receipt.
	again, err := vectorArchive(t).Account.NewReceipt(d, announced(d))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Text, text) || !bytes.Equal(again.Signature, sig) {
		t.Errorf("our receipt differs:\n got %s\nwant %s", again.Text, text)
	}
}

// announced is the payload of a device's announcement.
func announced(d *Device) []byte {
	return value.DeviceAnnouncement{Device: d.ID(), PublicKey: d.SPKI()}.Append(nil)
}

func TestReceiptOfAnother(t *testing.T) {
	made := testAccount(t)
	other, err := made.account.IssueDevice(made.account.ca, testTime, &dice{})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := made.account.NewReceipt(made.device, announced(made.device))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := made.account.NewReceipt(other, announced(other))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := made.device.OpenReceipt(mine.Text, mine.Signature, testTime); err != nil {
		t.Fatal(err)
	}
	revoked := *made.account
	if err := revoked.Revoke(made.device.chain[0], testTime, &dice{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name            string
		text, signature []byte
		now             time.Time
		want            error
	}{
		{"of another device", theirs.Text, theirs.Signature, testTime, ErrReceipt},
		{"signature of another", mine.Text, theirs.Signature, testTime, ErrReceipt},
		{"changed", bytes.Replace(mine.Text, []byte(`"dev"`), []byte(`"Dev"`), 1), mine.Signature, testTime, ErrReceipt},
		{"empty", nil, nil, testTime, ErrReceipt},
		{"too late", mine.Text, mine.Signature, testTime.Add(2 * validity), ErrUntrusted},
	} {
		if _, err := made.device.OpenReceipt(c.text, c.signature, c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := made.device.OpenReceipt(mine.Text, mine.Signature, testTime, revoked.RevocationList()); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	if _, err := made.account.NewReceipt(vectorDeviceAndKey(t), nil); !errors.Is(err, ErrReceipt) {
		t.Errorf("receipt for a device of another account: %v", err)
	}
}

func TestRealAnnouncement(t *testing.T) {
	v, err := value.Parse(testdata(t, "dht-announcement.value"))
	if err != nil {
		t.Fatal(err)
	}
	if err := value.Verify(v); err != nil {
		t.Error(err)
	}
	account, _ := infohash.Parse("ee1399c2c662d05e75deb1998450b7ef94914929")
	d, err := ParseAnnouncement(v, account)
	if err != nil || d.Device.String() != "427b2ebf239a9b010a49de2c9afe741c4889e15c" || d.PublicKey == nil {
		t.Errorf("ParseAnnouncement = %v, %v", d.Device, err)
	}
	if _, err := ParseAnnouncement(v, d.Device); !errors.Is(err, ErrAnnouncement) {
		t.Errorf("at the key of another account: %v", err)
	}
	unsigned := &value.Value{Data: v.Data}
	if _, err := ParseAnnouncement(unsigned, account); !errors.Is(err, ErrAnnouncement) {
		t.Errorf("unsigned: %v", err)
	}
	other := v.Clone()
	other.Data = []byte{0x80}
	if _, err := ParseAnnouncement(other, account); !errors.Is(err, ErrAnnouncement) {
		t.Errorf("without a device: %v", err)
	}
}

func TestRealCertificateValue(t *testing.T) {
	v, err := value.Parse(testdata(t, "dht-certificate.value"))
	if err != nil {
		t.Fatal(err)
	}
	chain, err := ParseChain(v.Data)
	if err != nil || len(chain) != 3 {
		t.Fatalf("%d certificates, %v", len(chain), err)
	}
	if account, err := chain.Verify(vectorTime); err != nil || account.String() != "ee1399c2c662d05e75deb1998450b7ef94914929" {
		t.Errorf("Verify = %v, %v", account, err)
	}
	if got := chain.Value(); got.ID != v.ID || !got.Equal(v) {
		t.Error("we would put another value")
	}
}

func TestEthAddress(t *testing.T) {
	if got := vectorArchive(t).Account.EthAddress(); got != vectorEth {
		t.Errorf("address %s, want %s", got, vectorEth)
	}
	// The keys 1 and order - 1, whose points are the base point and its mirror.
	for _, c := range []struct{ key, want string }{
		{"0000000000000000000000000000000000000000000000000000000000000001", "7e5f4552091a69125d5dfcb7b8c2659029395bdf"},
		{"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", "80c0dbf239224071c59dd8970ab9d542e3414ab2"},
	} {
		key, _ := hex.DecodeString(c.key)
		if got := ethAddress(key); got != c.want {
			t.Errorf("address of %s: %s, want %s", c.key, got, c.want)
		}
	}
}

func TestEthKeyIsInRange(t *testing.T) {
	// A zero, the order, then something usable.
	source := append(make([]byte, 32), ethN.Bytes()...)
	source = append(source, bytes.Repeat([]byte{1}, 32)...)
	key, err := newEthKey(bytes.NewReader(source))
	if err != nil || key[0] != 1 {
		t.Errorf("newEthKey = %x, %v", key, err)
	}
	a := *testAccount(t).account
	a.eth = nil
	if a.EthAddress() != "" {
		t.Error("address without a key")
	}
	if err := a.EnsureEthKey(&dice{}); err != nil || len(a.EthAddress()) != 40 {
		t.Errorf("EnsureEthKey: %v, address %q", err, a.EthAddress())
	}
}
