package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollcall/account"
	"rollcall/contact"
	"rollcall/identity"
	"rollcall/identity/keyfile"
	"rollcall/store"
)

// newID draws the id of an account.
func newID() AccountID {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return AccountID(hex.EncodeToString(b[:]))
}

func validID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 8 && strings.ToLower(s) == s
}

// AddAccount is Create from the details of a client, among which are
// Account.archivePassword and Account.archivePath. Account.type must be RING.
func (d *Daemon) AddAccount(ctx context.Context, details Details) (AccountID, error) {
	if kind := details[keyType]; kind != accountType {
		return "", &InvalidError{keyType, kind, accountType}
	}
	if pin := details[keyArchivePIN]; pin != "" {
		return "", &InvalidError{keyArchivePIN, "a PIN", "none: accounts come from other devices as an archive file"}
	}
	return d.Create(ctx, Creation{
		Settings: details, Secret: identity.Password(details[keyArchivePassword]), ArchivePath: details[keyArchivePath],
	})
}

// Create begins to make an account, or to import one, and returns its id at
// once. The account is in state [Initializing] until its keys are on the disk,
// then it registers. A process that ends before that leaves nothing of the
// account behind. When making it fails, its state is told as [ErrorGeneric], with
// the reason, and then it is removed; what can be seen from Creation alone is an
// [InvalidError] at once.
func (d *Daemon) Create(ctx context.Context, c Creation) (AccountID, error) {
	settings, err := settable(c.Settings)
	if err != nil {
		return "", err
	}
	if c.ArchivePath != "" {
		if c.Archive, err = keyfile.Read(c.ArchivePath, identity.MaxArchiveSize); err != nil {
			return "", &InvalidError{keyArchivePath, c.ArchivePath, "a readable archive file: " + err.Error()}
		}
	}
	if settings[keyDeviceName] == "" {
		settings[keyDeviceName], _ = os.Hostname()
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	h := &hosted{daemon: d, id: newID(), state: Initializing, active: true, settings: settings, locked: c.Secret.Text != ""}
	if err := d.makeClientDir(h.id); err != nil {
		return "", err
	}
	if err := d.list(h, c); err != nil {
		return "", err
	}
	return h.id, nil
}

// list adds a new account to those of the daemon, tells of it, and begins its
// creation.
func (d *Daemon) list(h *hosted, c Creation) error {
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(d.ctx)
	h.created = make(chan struct{})
	h.mu.Lock()
	defer h.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		h.cancel()
		return ErrClosed
	}
	d.accounts[h.id] = h
	d.order = append(d.order, h.id)
	h.tellLocked(RegistrationChanged{State: Initializing})
	h.tellLocked(VolatileChanged{h.volatileLocked()})
	d.hub.publish("", AccountsChanged{})
	d.wg.Go(func() { h.create(ctx, c) })
	return nil
}

// create makes the keys of the account and starts it.
func (h *hosted) create(ctx context.Context, c Creation) {
	defer close(h.created)
	defer h.cancel()
	shown := time.NewTimer(h.daemon.cfg.InitTime)
	defer shown.Stop()
	err := h.make(ctx, c)
	if err == nil {
		select {
		case <-shown.C:
		case <-ctx.Done():
			return // it is all on the disk; the next start goes on
		}
		h.mu.Lock()
		h.tellLocked(DevicesChanged{h.devicesLocked()})
		h.fresh = true
		h.mu.Unlock()
		if err := h.apply(false); err != nil {
			h.daemon.log.Error("account not started", "err", err)
		}
		return
	}
	h.daemon.log.Error("account not created", "account", h.id, "err", err)
	if ctx.Err() != nil {
		return
	}
	h.mu.Lock()
	h.setStateLocked(ErrorGeneric, err.Error())
	h.mu.Unlock()
	if err := h.daemon.remove(h); err != nil {
		h.daemon.log.Error("account not removed", "account", h.id, "err", err)
	}
}

// make writes all files of the account into a directory under a name that does
// not count, which gets its right one at the end.
func (h *hosted) make(ctx context.Context, c Creation) (err error) {
	d := h.daemon
	part := d.path(accountsDir, newPrefix+string(h.id))
	if err := os.Mkdir(part, 0o700); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(part))
		}
	}()
	contacts, err := h.makeKeys(ctx, part, c)
	if err != nil {
		return err
	}
	if err := h.makeState(part); err != nil {
		return err
	}
	dir := d.path(accountsDir, string(h.id))
	if err := rename(part, dir); err != nil {
		return err
	}
	keys, err := account.LoadKeys(dir)
	if err != nil {
		return err
	}
	state, err := store.OpenState(filepath.Join(dir, stateFile))
	if err != nil {
		return err
	}
	if err := h.open(keys, state); err != nil {
		return errors.Join(err, state.Close())
	}
	if err := d.saveOrder(); err != nil {
		d.log.Warn("order of accounts", "err", err)
	}
	if len(contacts) == 0 {
		return nil
	}
	return h.account.Merge(contacts)
}

// makeKeys makes the keys, or those of an archive, with its contacts. Settings of
// an archive hold where the user gave none.
func (h *hosted) makeKeys(ctx context.Context, dir string, c Creation) ([]contact.Entry, error) {
	creation := account.Creation{Secret: c.Secret, Keys: identity.Config{Bits: h.daemon.cfg.KeyBits, Progress: h.progressed}}
	if c.Archive == nil {
		_, err := account.CreateKeys(ctx, dir, creation)
		return nil, err
	}
	_, archive, err := account.ImportKeys(ctx, dir, c.Archive, creation)
	if err != nil {
		return nil, err
	}
	kept, err := settable(archive.Settings)
	if err != nil {
		return nil, fmt.Errorf("settings of the archive: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, value := range kept {
		if given, ok := h.settings[key]; !ok || given == template[key] {
			h.settings[key] = value
		}
	}
	return account.ArchivedContacts(archive), nil
}

func (h *hosted) progressed(done, total int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.progress = Progress{done, total}
}

func (h *hosted) makeState(dir string) error {
	state, err := store.OpenState(filepath.Join(dir, stateFile))
	if err != nil {
		return err
	}
	h.mu.Lock()
	settings := h.settings
	h.mu.Unlock()
	return errors.Join(state.SaveSettings(settings), state.Close())
}

// rename gives a finished directory its name, durably.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// makeClientDir makes the directory that clients expect for an account, or that
// of all accounts for the id "" (dbus spec 5.1).
func (d *Daemon) makeClientDir(id AccountID) error {
	if d.cfg.ClientDir == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(d.cfg.ClientDir, string(id)), 0o700); err != nil {
		return fmt.Errorf("daemon: clients' directory: %w", err)
	}
	return nil
}

// RemoveAccount takes an account off the network and deletes all that is kept
// of it, the clients' directory included.
func (d *Daemon) RemoveAccount(ctx context.Context, id AccountID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, err := d.find(id)
	if err != nil {
		return err
	}
	if h.created != nil {
		h.cancel()
		<-h.created
	}
	return d.remove(h)
}

// remove takes an account from the list and deletes its files. Once they have
// another name they are gone: the next start finishes what is left.
func (d *Daemon) remove(h *hosted) error {
	h.mu.Lock()
	gone := h.gone
	h.gone = true
	keys := h.keys
	h.mu.Unlock()
	if gone {
		return ErrUnknownAccount
	}
	err := h.close()
	d.mu.Lock()
	delete(d.accounts, h.id)
	d.order = slices.DeleteFunc(d.order, func(id AccountID) bool { return id == h.id })
	d.hub.publish("", AccountsChanged{})
	d.mu.Unlock()
	err = errors.Join(err, d.saveOrder())
	if keys == nil {
		d.eraseClientDir(h.id)
		return err
	}
	err = errors.Join(err, d.cache.Forget(keys.Device.Account()))
	gonePath := d.path(accountsDir, gonePrefix+string(h.id))
	if renameErr := rename(keys.Dir, gonePath); renameErr != nil {
		return errors.Join(err, renameErr)
	}
	d.erase(gonePath, h.id)
	return err
}

// erase deletes what is left of an account that counts no more.
func (d *Daemon) erase(path string, id AccountID) {
	d.eraseClientDir(id)
	if err := os.RemoveAll(path); err != nil {
		d.log.Error("files of a removed account", "err", err)
	}
}

func (d *Daemon) eraseClientDir(id AccountID) {
	if d.cfg.ClientDir == "" {
		return
	}
	if err := os.RemoveAll(filepath.Join(d.cfg.ClientDir, string(id))); err != nil {
		d.log.Error("clients' files of a removed account", "err", err)
	}
}
