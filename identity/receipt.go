package identity

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// ErrReceipt reports a receipt that does not prove what it should. The device
// then needs a new one, from the archive.
var ErrReceipt = errors.New("identity: bad device receipt")

// Receipt is the account's word that a device is its own, kept beside the
// device and never sent, with the announcement that the account signed for it
// (account spec 4). A device that has its receipt runs without the archive.
type Receipt struct {
	Text       []byte // JSON, exactly as signed
	Signature  []byte // RSA PKCS #1 v1.5 with SHA-512 by the account, over Text
	Account    infohash.Hash
	Device     infohash.Hash
	EthAddress string // 40 hexadecimal digits, not checked by anyone

	// Announcement is to be put at Account, with an ID of the putter's choice.
	Announcement *value.Value
}

// receiptText is the JSON of a receipt, its members in the order of writing.
type receiptText struct {
	ID       infohash.Hash `json:"id"`
	Device   infohash.Hash `json:"dev"`
	Eth      string        `json:"eth"`
	Announce []byte        `json:"announce"` // packed value
}

// NewReceipt makes the receipt of a device of the account, whose announcement has
// this payload: that of [value.DeviceAnnouncement], with or without more. It signs
// twice, which takes some milliseconds each.
func (a *Account) NewReceipt(d *Device, payload []byte) (*Receipt, error) {
	if d.Account() != a.ID() {
		return nil, fmt.Errorf("%w: %v is not one of account %s", ErrReceipt, d, a.ID())
	}
	announcement, err := a.Announce(payload)
	if err != nil {
		return nil, err
	}
	r := &Receipt{Account: a.ID(), Device: d.ID(), EthAddress: a.EthAddress(), Announcement: announcement}
	r.Text, err = json.Marshal(receiptText{r.Account, r.Device, r.EthAddress, announcement.Append(nil)})
	if err != nil {
		return nil, fmt.Errorf("identity: cannot encode a receipt: %w", err)
	}
	digest := sha512.Sum512(r.Text)
	if r.Signature, err = a.key.Sign(nil, digest[:], crypto.SHA512); err != nil {
		return nil, fmt.Errorf("identity: cannot sign a receipt: %w", err)
	}
	return r, nil
}

// Announce makes the value of this payload by which a device is present (account
// spec 5). The signature covers neither its ID nor the time when it is put; equal
// payloads make equal values.
func (a *Account) Announce(payload []byte) (*value.Value, error) {
	v := &value.Value{Type: value.TypeUserData, Data: payload}
	if err := value.Sign(v, a.key); err != nil {
		return nil, fmt.Errorf("identity: cannot sign an announcement: %w", err)
	}
	return v, nil
}

// OpenReceipt checks everything by which a device may run, and returns its
// receipt: the device's chain at now and against the lists known to it, the
// account's signature, the ids, and the announcement. The error wraps
// ErrUntrusted or ErrRevoked where the chain is at fault, else ErrReceipt. The
// result keeps text and signature.
func (d *Device) OpenReceipt(text, signature []byte, now time.Time, revoked ...*RevocationList) (*Receipt, error) {
	account, err := d.chain.Verify(now, revoked...)
	if err != nil {
		return nil, err
	}
	key, ok := d.chain.Account().PublicKey().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the account has no RSA key", ErrReceipt)
	}
	digest := sha512.Sum512(text)
	if rsa.VerifyPKCS1v15(key, crypto.SHA512, digest[:], signature) != nil {
		return nil, fmt.Errorf("%w: not signed by account %s", ErrReceipt, account)
	}
	var content receiptText
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if content.ID != account || content.Device != d.ID() {
		return nil, fmt.Errorf("%w: it is that of device %s of account %s", ErrReceipt, content.Device, content.ID)
	}
	announcement, err := value.Parse(content.Announce)
	if err != nil {
		return nil, fmt.Errorf("%w: announcement: %w", ErrReceipt, err)
	}
	device, err := ParseAnnouncement(announcement, account)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if device.Device != d.ID() || device.PublicKey == nil {
		return nil, fmt.Errorf("%w: it announces device %s, or lacks its key", ErrReceipt, device.Device)
	}
	if err := value.Verify(announcement); err != nil {
		return nil, fmt.Errorf("%w: announcement: %w", ErrReceipt, err)
	}
	return &Receipt{text, signature, account, d.ID(), content.Eth, announcement}, nil
}

// ErrAnnouncement reports a value that announces no device of the account at
// whose id it was found.
var ErrAnnouncement = errors.New("identity: not an announcement of a device of this account")

// ParseAnnouncement reads which device a signed value found at the id of
// account announces. Anyone may put a value there: it counts only when the
// account owns it. Whether the owner signed it is for [value.Verify] to say;
// what a node delivers has been verified.
func ParseAnnouncement(v *value.Value, account infohash.Hash) (value.DeviceAnnouncement, error) {
	if !v.Signed() || v.Type != value.TypeUserData || v.OwnerID() != account {
		return value.DeviceAnnouncement{}, ErrAnnouncement
	}
	device, err := value.ParseDeviceAnnouncement(v.Data)
	if err != nil {
		return value.DeviceAnnouncement{}, fmt.Errorf("%w: %w", ErrAnnouncement, err)
	}
	return device, nil
}
