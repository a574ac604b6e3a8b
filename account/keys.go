package account

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rollcall/contact"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/identity/keyfile"
	"rollcall/presence"
)

// Files of an account's directory, besides those of package keyfile.
const (
	ArchiveFile   = "archive.gz"
	receiptFile   = "receipt"
	signatureFile = "receipt.sig"
)

// KeyFiles are the names of all files of Keys.
var KeyFiles = []string{keyfile.DeviceKey, keyfile.DeviceChain, ArchiveFile, receiptFile, signatureFile}

var random = crand.Reader

// Keys are the private files of an account on this machine: its device, the
// receipt that proves it, and the archive, which may be locked.
type Keys struct {
	Dir     string
	Device  *identity.Device
	Receipt *identity.Receipt
}

// Creation says how the keys of an account are made.
type Creation struct {
	// Secret locks the new archive, or opens the imported one; the zero Secret is
	// that of an archive without a password.
	Secret identity.Secret
	// Keys is what identity.Generate is told.
	Keys identity.Config
}

// CreateKeys makes a new account with its first device and writes its files into
// dir, which must exist and be empty. It takes seconds.
func CreateKeys(ctx context.Context, dir string, c Creation) (*Keys, error) {
	account, device, err := identity.Generate(ctx, c.Keys, time.Now(), random)
	if err != nil {
		return nil, fmt.Errorf("account: make keys: %w", err)
	}
	archive := identity.NewArchive(account)
	if err := archive.SetSecret(c.Secret, random); err != nil {
		return nil, err
	}
	return writeKeys(dir, archive, device)
}

// ImportKeys makes a new device for the account of an archive, which c.Secret
// opens, and writes the files into dir. The archive is returned for its contacts
// and settings.
func ImportKeys(ctx context.Context, dir string, archived []byte, c Creation) (*Keys, *identity.Archive, error) {
	archive, err := identity.OpenArchive(archived, c.Secret)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	if archive.Account.NeedsRenewal(now) {
		if err := archive.Account.Renew(now, random); err != nil {
			return nil, nil, err
		}
	}
	if err := archive.Account.EnsureEthKey(random); err != nil {
		return nil, nil, err
	}
	bits := c.Keys.Bits
	if bits == 0 {
		bits = identity.KeyBits
	}
	key, err := identity.GenerateKey(ctx, random, bits)
	if err != nil {
		return nil, nil, fmt.Errorf("account: make keys: %w", err)
	}
	device, err := archive.Account.IssueDevice(key, now, random)
	if err != nil {
		return nil, nil, err
	}
	keys, err := writeKeys(dir, archive, device)
	return keys, archive, err
}

func writeKeys(dir string, archive *identity.Archive, device *identity.Device) (*Keys, error) {
	if err := keyfile.WriteDevice(dir, device); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	k := &Keys{Dir: dir, Device: device}
	return k, k.write(archive, time.Now())
}

// write writes the archive, and before it a receipt that goes with it: while the
// archive is locked nobody can date announcements, so the one in the receipt counts
// from date on for good.
func (k *Keys) write(archive *identity.Archive, date time.Time) error {
	payload := value.DeviceAnnouncement{Device: k.Device.ID(), PublicKey: k.Device.SPKI()}
	announcement := payload.Append(nil)
	if archive.Locked() {
		announcement = presence.AppendDated(nil, payload, presence.Stamp{Date: date, Lasting: true})
	}
	receipt, err := archive.Account.NewReceipt(k.Device, announcement)
	if err != nil {
		return err
	}
	sealed, err := archive.Seal(random)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{{receiptFile, receipt.Text}, {signatureFile, receipt.Signature}, {ArchiveFile, sealed}} {
		if err := keyfile.Write(filepath.Join(k.Dir, file.name), file.content); err != nil {
			return fmt.Errorf("account: %w", err)
		}
	}
	k.Receipt = receipt
	return nil
}

// LoadKeys reads the files of dir and checks that they prove a device of an account.
func LoadKeys(dir string) (*Keys, error) {
	device, err := keyfile.ReadDevice(dir)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	text, err := keyfile.Read(filepath.Join(dir, receiptFile), maxReceipt)
	if err != nil {
		return nil, fmt.Errorf("account: receipt: %w", err)
	}
	signature, err := keyfile.Read(filepath.Join(dir, signatureFile), maxReceipt)
	if err != nil {
		return nil, fmt.Errorf("account: receipt: %w", err)
	}
	receipt, err := device.OpenReceipt(text, signature, time.Now())
	if err != nil {
		return nil, err
	}
	return &Keys{dir, device, receipt}, nil
}

// RenewKeys makes the certificates and the receipt in dir again, with the same
// keys, so that no id changes (account spec 13): for a device that LoadKeys finds
// to be past its time, or not proven. s opens the archive.
func RenewKeys(dir string, s identity.Secret) (*Keys, error) {
	device, err := keyfile.ReadDevice(dir)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	archive, err := (&Keys{Dir: dir}).openArchive(s)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if archive.Account.NeedsRenewal(now) {
		if err := archive.Account.Renew(now, random); err != nil {
			return nil, err
		}
	}
	if device, err = archive.Account.IssueDevice(device.Key, now, random); err != nil {
		return nil, err
	}
	return writeKeys(dir, archive, device)
}

// Locked reports whether the archive needs a password.
func (k *Keys) Locked() bool {
	f, err := os.Open(filepath.Join(k.Dir, ArchiveFile))
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [2]byte
	_, err = f.Read(magic[:])
	return err == nil && !bytes.Equal(magic[:], []byte{0x1f, 0x8b}) // of gzip, account spec 3.1
}

func (k *Keys) openArchive(s identity.Secret) (*identity.Archive, error) {
	b, err := keyfile.Read(filepath.Join(k.Dir, ArchiveFile), identity.MaxArchiveSize)
	if err != nil {
		return nil, fmt.Errorf("account: archive: %w", err)
	}
	return identity.OpenArchive(b, s)
}

// changeSecret puts the archive under another secret. The error wraps
// identity.ErrPassword when from is wrong, and then nothing is changed. date is that
// of an announcement which is newer than all before.
func (k *Keys) changeSecret(from, to identity.Secret, date time.Time) error {
	archive, err := k.openArchive(from)
	if err != nil {
		return err
	}
	if err := archive.SetSecret(to, random); err != nil {
		return err
	}
	return k.write(archive, date)
}

// ArchivedContacts returns the contacts of an archive as the contact list merges
// them.
func ArchivedContacts(archive *identity.Archive) []contact.Entry {
	var entries []contact.Entry
	for peer, c := range archive.Contacts {
		entries = append(entries, contact.Entry{Peer: peer, Record: contact.Record{
			Added: millis(c.Added, c.AddedMs), Removed: millis(c.Removed, c.RemovedMs),
			Confirmed: c.Confirmed, Banned: c.Banned, ConversationID: c.ConversationID,
		}})
	}
	return entries
}

// millis returns a time in milliseconds, from the finer field where it is set.
func millis(seconds, ms int64) int64 {
	if ms != 0 {
		return ms
	}
	return seconds * 1000
}

func archived(r contact.Record) identity.ArchivedContact {
	return identity.ArchivedContact{
		Added: r.Added / 1000, AddedMs: r.Added, Removed: r.Removed / 1000, RemovedMs: r.Removed,
		Confirmed: r.Confirmed, Banned: r.Banned, ConversationID: r.ConversationID,
	}
}
