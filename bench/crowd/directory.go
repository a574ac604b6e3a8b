// Package crowd measures one daemon with very many accounts, or with very many
// contacts.
package crowd

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"rollcall/account"
	"rollcall/identity"
	"rollcall/identity/keyfile"
)

// keysPerAccount are those of its authority, the account and its device.
const keysPerAccount = 3

// fill makes a daemon's data directory with n accounts, unless it is there.
func fill(ctx context.Context, dir string, n int) error {
	accounts := filepath.Join(dir, "accounts")
	if err := os.MkdirAll(accounts, 0o700); err != nil {
		return err
	}
	there, err := os.ReadDir(accounts)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		if len(there) != n {
			return fmt.Errorf("%s has %d accounts, want %d or none", dir, len(there), n)
		}
		return nil
	}
	ring, err := newKeyRing(keysPerAccount * n)
	if err != nil {
		return err
	}
	work := make(chan string)
	errs := make(chan error, runtime.NumCPU())
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Go(func() {
			for dir := range work {
				if err := writeAccount(dir, ring); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for i := 0; i < n && err == nil; i++ {
		select {
		case work <- accountDir(dir, i):
		case err = <-errs:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	close(work)
	workers.Wait()
	select {
	case late := <-errs:
		return errors.Join(err, late)
	default:
		return err
	}
}

// accountDir is where the files of an account are in a daemon's data directory.
func accountDir(dir string, i int) string {
	return filepath.Join(dir, "accounts", fmt.Sprintf("%016x", i))
}

// writeAccount writes the files of an account whose keys are of the ring.
func writeAccount(dir string, ring *keyRing) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	archive, err := newArchive(ring)
	if err != nil {
		return err
	}
	private, err := ring.key()
	if err != nil {
		return err
	}
	encoded, err := encodeKey(private)
	if err != nil {
		return err
	}
	key, err := identity.ParseKey(encoded)
	if err != nil {
		return err
	}
	device, err := archive.Account.IssueDevice(key, time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	sealed, err := archive.Seal(rand.Reader)
	if err != nil {
		return err
	}
	if err := errors.Join(keyfile.WriteDevice(dir, device), keyfile.Write(filepath.Join(dir, account.ArchiveFile), sealed)); err != nil {
		return err
	}
	// The receipt, which proves the device, is made with the account's key.
	_, err = account.RenewKeys(dir, identity.Secret{})
	return err
}

// newArchive returns the archive of an account whose keys are of the ring.
func newArchive(ring *keyRing) (*identity.Archive, error) {
	authority, err := ring.key()
	if err != nil {
		return nil, err
	}
	private, err := ring.key()
	if err != nil {
		return nil, err
	}
	members := make(map[string][]byte)
	if members["ringCaKey"], err = encodeKey(authority); err != nil {
		return nil, err
	}
	if members["ringAccountKey"], err = encodeKey(private); err != nil {
		return nil, err
	}
	// An archive has a certificate; Renew makes the right ones.
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour)}
	members["ringAccountCert"], err = x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if err := errors.Join(json.NewEncoder(w).Encode(members), w.Close()); err != nil {
		return nil, err
	}
	archive, err := identity.OpenArchive(packed.Bytes(), identity.Secret{})
	if err != nil {
		return nil, err
	}
	return archive, archive.Account.Renew(now, rand.Reader)
}
