package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rollcall/account"
	"rollcall/identity"
	"rollcall/identity/keyfile"
	"rollcall/internal/dirlock"
	"rollcall/store"
)

// replacedPrefix is of the directory of an account that a restored one replaced.
const replacedPrefix = ".replaced-"

// Backup copies what accounts must not lose, their keys included, into a new
// directory with mode 0700. It is there whole or not at all. A copy is as good
// as the accounts: whoever has it can be them.
func (d *Daemon) Backup(ctx context.Context, dir string) (err error) {
	if _, err := os.Lstat(dir); err == nil {
		return &InvalidError{"directory", dir, "one that does not exist"}
	}
	part := dir + ".part"
	if err := os.Mkdir(part, 0o700); err != nil {
		return fmt.Errorf("daemon: back up: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	for _, h := range d.hosted() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := h.backup(filepath.Join(part, string(h.id))); err != nil {
			return fmt.Errorf("daemon: back up account %s: %w", h.id, err)
		}
	}
	if err := rename(part, dir); err != nil {
		return fmt.Errorf("daemon: back up: %w", err)
	}
	return nil
}

// backup copies the files of one account. One that is still being made has none.
func (h *hosted) backup(dir string) error {
	h.mu.Lock()
	keys, state := h.keys, h.stored
	h.mu.Unlock()
	if keys == nil {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := copyKeys(dir, keys.Dir); err != nil {
		return err
	}
	return state.Backup(filepath.Join(dir, stateFile))
}

func copyKeys(to, from string) error {
	for _, name := range account.KeyFiles {
		b, err := keyfile.Read(filepath.Join(from, name), identity.MaxArchiveSize)
		if err != nil {
			return err
		}
		if err := keyfile.Write(filepath.Join(to, name), b); err != nil {
			return err
		}
	}
	return nil
}

// Restore puts the accounts of a backup into a data directory that no daemon
// uses, and returns them. Accounts that are there already under the same ids are
// kept beside, under other names. One that is damaged keeps no other from coming back.
func Restore(backup, dataDir string) ([]AccountID, error) {
	entries, err := os.ReadDir(backup)
	if err != nil {
		return nil, fmt.Errorf("daemon: restore: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() || !validID(e.Name()) })
	if len(entries) == 0 {
		return nil, &InvalidError{"backup", backup, "a directory that a backup has made"}
	}
	accounts := filepath.Join(dataDir, accountsDir)
	if err := os.MkdirAll(accounts, 0o700); err != nil {
		return nil, fmt.Errorf("daemon: restore: %w", err)
	}
	lock, err := lockDirectory(dataDir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	var restored []AccountID
	var errs []error
	for _, entry := range entries {
		id := AccountID(entry.Name())
		if err := restoreAccount(filepath.Join(backup, entry.Name()), accounts, id); err != nil {
			errs = append(errs, fmt.Errorf("daemon: restore account %s: %w", id, err))
			continue
		}
		restored = append(restored, id)
	}
	return restored, errors.Join(errs...)
}

func restoreAccount(backup, accounts string, id AccountID) (err error) {
	part := filepath.Join(accounts, newPrefix+string(id))
	if err := errors.Join(os.RemoveAll(part), os.Mkdir(part, 0o700)); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	if err := copyKeys(part, backup); err != nil {
		return err
	}
	if err := store.Restore(filepath.Join(backup, stateFile), filepath.Join(part, stateFile)); err != nil {
		return err
	}
	keys, err := account.LoadKeys(part)
	if err != nil {
		return err
	}
	if err := checkArchive(keys); err != nil {
		return err
	}
	dir := filepath.Join(accounts, string(id))
	if _, err := os.Lstat(dir); err == nil {
		aside := replacedPrefix + string(id) + time.Now().UTC().Format("-20060102T150405.000Z")
		if err := rename(dir, filepath.Join(accounts, aside)); err != nil {
			return err
		}
	}
	return rename(part, dir)
}

// checkArchive reads an archive as far as that takes no password.
func checkArchive(keys *account.Keys) error {
	b, err := keyfile.Read(filepath.Join(keys.Dir, account.ArchiveFile), identity.MaxArchiveSize)
	if err != nil {
		return err
	}
	if _, err := identity.OpenArchive(b, identity.Secret{}); err != nil && !errors.Is(err, identity.ErrPassword) {
		return fmt.Errorf("%s: %w", account.ArchiveFile, err)
	}
	return nil
}

// lockDirectory makes a data directory ours until the file is closed.
func lockDirectory(dataDir string) (*os.File, error) {
	lock, err := dirlock.Take(dataDir)
	if errors.Is(err, dirlock.ErrHeld) {
		err = fmt.Errorf("%s: %w", dataDir, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	return lock, nil
}
