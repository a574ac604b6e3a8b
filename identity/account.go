package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"rollcall/dht/infohash"
)

// ErrNoAuthority reports an account whose archive lacks the key of its
// authority: it works, but its certificates cannot be renewed.
var ErrNoAuthority = errors.New("identity: the archive has no authority key, so the account's certificates cannot be renewed")

// Account is the key of an account with all that certifies devices: what an
// archive holds. Its methods that change it say so; while one of them runs no
// other may.
type Account struct {
	key     *Key
	ca      *Key   // nil: the account cannot be renewed
	chain   Chain  // the account's certificate and those above
	eth     []byte // secp256k1 secret, nil until made
	revoked *RevocationList
}

// Config tells how [Generate] works. The zero Config is the one for use.
type Config struct {
	// Bits is the size of the new keys, 0 for KeyBits. Peers trust no key under
	// 2048 bits.
	Bits int
	// Progress, unless nil, is called with the number of keys that are made and
	// the number of all, in order, while Generate runs.
	Progress func(done, total int)
}

// Generate makes an account and its first device: three keys, and their
// certificates, valid from now on. It reads rand and returns soon after the end
// of ctx as [GenerateKey] does.
func Generate(ctx context.Context, cfg Config, now time.Time, rand io.Reader) (*Account, *Device, error) {
	const total = 3
	bits, progress := cfg.Bits, cfg.Progress
	if bits == 0 {
		bits = KeyBits
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	keys, err := generateKeys(ctx, rand, bits, total, func(done int) { progress(done, total) })
	if err != nil {
		return nil, nil, err
	}
	a := &Account{ca: keys[0], key: keys[1]}
	if err := a.certify(now, rand); err != nil {
		return nil, nil, err
	}
	if a.eth, err = newEthKey(rand); err != nil {
		return nil, nil, err
	}
	d, err := a.IssueDevice(keys[2], now, rand)
	if err != nil {
		return nil, nil, err
	}
	return a, d, nil
}

// certify makes the two upper certificates.
func (a *Account) certify(now time.Time, rand io.Reader) error {
	caName := newName(nameCA, a.ca.ID().String())
	ca, err := issue(subjectOf(nameCA, a.ca, true), caName, a.ca, now, rand)
	if err != nil {
		return err
	}
	account, err := issue(subjectOf(nameAccount, a.key, true), caName, a.ca, now, rand)
	if err != nil {
		return err
	}
	a.chain = Chain{account, ca}
	return nil
}

// ID returns the account id.
func (a *Account) ID() infohash.Hash { return a.key.ID() }

// Chain returns the certificates of the account: its own, then the authority's.
func (a *Account) Chain() Chain { return a.chain }

// IssueDevice certifies key as a device of the account, from now on.
func (a *Account) IssueDevice(key *Key, now time.Time, rand io.Reader) (*Device, error) {
	leaf, err := issue(subjectOf(nameDevice, key, false), a.chain[0].Subject, a.key, now, rand)
	if err != nil {
		return nil, err
	}
	return &Device{Key: key, chain: append(Chain{leaf}, a.chain...)}, nil
}

// NeedsRenewal reports whether a certificate of the account has ended at now,
// or is none that may certify devices (account spec 13).
func (a *Account) NeedsRenewal(now time.Time) bool {
	return slices.ContainsFunc(a.chain, func(c *Certificate) bool { return now.After(c.NotAfter) || !c.IsCA })
}

// Renew changes the account: its certificates, and its revocation list if there
// is one, are made again with the same keys, so that no id changes. Devices
// need new certificates afterwards, by IssueDevice with the keys they have. The
// error is ErrNoAuthority where the account cannot be renewed. After an error
// the account is unchanged.
func (a *Account) Renew(now time.Time, rand io.Reader) error {
	if a.ca == nil {
		return ErrNoAuthority
	}
	renewed := *a
	if err := renewed.certify(now, rand); err != nil {
		return err
	}
	if a.revoked != nil {
		list, err := a.revoked.extend(renewed.chain[0], a.key, nil, now, rand)
		if err != nil {
			return err
		}
		renewed.revoked = list
	}
	*a = renewed
	return nil
}

// RevocationList returns the account's list of revoked devices, nil when none
// ever was.
func (a *Account) RevocationList() *RevocationList { return a.revoked }

// Revoke changes the account: device goes on its revocation list, which is then
// to be stored with the archive and put at the account id. Revoking a device
// again changes nothing.
func (a *Account) Revoke(device *Certificate, now time.Time, rand io.Reader) error {
	if err := device.checkIssued(a.chain[0], 0); err != nil {
		return fmt.Errorf("cannot revoke device %s: %w", device.LongID(), err)
	}
	if a.revoked != nil && a.revoked.Revokes(device) {
		return nil
	}
	list, err := a.revoked.extend(a.chain[0], a.key, device, now, rand)
	if err != nil {
		return err
	}
	a.revoked = list
	return nil
}

// EnsureEthKey changes an account that came without an eth key: it gets one,
// which the next archive holds.
func (a *Account) EnsureEthKey(rand io.Reader) (err error) {
	if a.eth == nil {
		a.eth, err = newEthKey(rand)
	}
	return err
}

// EthAddress returns the 40 hexadecimal digits by which name servers know the
// account; empty without an eth key. It takes some milliseconds.
func (a *Account) EthAddress() string {
	if a.eth == nil {
		return ""
	}
	return ethAddress(a.eth)
}

// String names the account by its id, so that printing it shows no secret.
func (a *Account) String() string { return "account " + a.ID().String() }

// GoString is String.
func (a *Account) GoString() string { return a.String() }
