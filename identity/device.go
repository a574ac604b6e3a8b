package identity

import (
	"rollcall/dht/infohash"
)

// Device is a device of an account: a key with the chain that certifies it. It
// signs and decrypts values as a crypto.Signer and crypto.Decrypter. It is
// immutable and safe for concurrent use.
type Device struct {
	*Key
	chain Chain
}

// NewDevice joins a device's chain, of at least two certificates, with its key,
// as they are read from files. It checks that they belong together;
// [Chain.Verify] checks the rest.
func NewDevice(chain Chain, key *Key) (*Device, error) {
	if chain.Account() == nil {
		return nil, malformed("device: its chain lacks the account's certificate")
	}
	if chain.Leaf().ID() != key.ID() {
		return nil, errKeyMismatch
	}
	return &Device{Key: key, chain: chain}, nil
}

// Chain returns the certificates of the device, its own first.
func (d *Device) Chain() Chain { return d.chain }

// Account returns the id of the account that the device belongs to.
func (d *Device) Account() infohash.Hash { return d.chain[1].ID() }

// Inbox returns where values encrypted for the device are put.
func (d *Device) Inbox() infohash.Hash { return InboxKey(d.ID()) }

// String names the device by its ids, so that printing it shows no secret.
func (d *Device) String() string {
	return "device " + d.ID().String() + " of account " + d.Account().String()
}

// GoString is String.
func (d *Device) GoString() string { return d.String() }
