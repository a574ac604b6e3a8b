package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"rollcall/account"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/internal/atomicfile"
)

// Accounts returns the accounts in the user's order.
func (d *Daemon) Accounts() []AccountID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.order)
}

// Account returns what there is to know about an account.
func (d *Daemon) Account(id AccountID) (Account, error) {
	h, err := d.find(id)
	if err != nil {
		return Account{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	view := Account{
		ID: id, DisplayName: h.settings[keyDisplayName], DeviceName: h.settings[keyDeviceName],
		Enabled: h.settings[keyEnable] != "false", Active: h.active, Invisible: h.settings[keyInvisible] == "true",
		State: h.state, StateText: h.text, Announced: h.announced, HasPassword: h.locked,
		Bootstrap: d.bootstrap(h.settings[keyHostname]), Progress: h.progress,
	}
	if h.account != nil {
		view.URI, view.Device = h.account.ID(), h.account.Device().LongID()
		view.Lease, view.Note = h.account.Status().Lease, h.account.Note()
	}
	return view, nil
}

// SetOrder sets the order of Accounts; those not named keep theirs, at the end,
// and unknown ones are passed over.
func (d *Daemon) SetOrder(ctx context.Context, order []AccountID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return ErrClosed
	}
	var sorted []AccountID
	for _, id := range append(slices.Clone(order), d.order...) {
		if d.accounts[id] != nil && !slices.Contains(sorted, id) {
			sorted = append(sorted, id)
		}
	}
	d.order = sorted
	d.hub.publish("", AccountsChanged{})
	d.mu.Unlock()
	return d.saveOrder()
}

// Details returns the settings of an account (dbus spec 3.1).
func (d *Daemon) Details(id AccountID) (Details, error) {
	h, err := d.find(id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.detailsLocked(), nil
}

// VolatileDetails returns the state of an account (dbus spec 3.2).
func (d *Daemon) VolatileDetails(id AccountID) (Details, error) {
	h, err := d.find(id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.volatileLocked(), nil
}

// SetDetails changes settings of an account; keys that are unknown or read-only
// are passed over. A value that cannot be used is an [InvalidError], and then
// nothing is changed.
func (d *Daemon) SetDetails(ctx context.Context, id AccountID, details Details) error {
	set, err := settable(details)
	if err != nil {
		return err
	}
	return d.change(ctx, id, set)
}

// SetEnabled takes an account on or off the network, for good.
func (d *Daemon) SetEnabled(ctx context.Context, id AccountID, enabled bool) error {
	return d.change(ctx, id, Details{keyEnable: strconv.FormatBool(enabled)})
}

// SetInvisible makes an account announce itself no more, or again (threat A19).
// Nobody sees it come, and no new requests reach it.
func (d *Daemon) SetInvisible(ctx context.Context, id AccountID, invisible bool) error {
	if err := d.change(ctx, id, Details{keyInvisible: strconv.FormatBool(invisible)}); err != nil {
		return err
	}
	_, a, err := d.ready(id)
	if err == nil {
		a.SetInvisible(invisible)
	}
	return err
}

// change stores settings of an account, tells of them, and brings the account
// where they want it.
func (d *Daemon) change(ctx context.Context, id AccountID, set Details) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, _, err := d.ready(id)
	if err != nil {
		return err
	}
	if err := h.save(set); err != nil {
		return err
	}
	return h.apply(false)
}

// save keeps settings and tells of them.
func (h *hosted) save(set Details) error {
	if err := h.keep(set); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tellLocked(DetailsChanged{h.detailsLocked()})
	return nil
}

// keep stores settings before they count. Whoever reads the present ones does not
// wait for the disk.
func (h *hosted) keep(set Details) error {
	h.saving.Lock()
	defer h.saving.Unlock()
	h.mu.Lock()
	gone, state := h.gone, h.stored
	h.mu.Unlock()
	if gone {
		return ErrUnknownAccount
	}
	if err := state.SaveSettings(set); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	settings := maps.Clone(h.settings)
	maps.Copy(settings, set)
	h.settings = settings
	h.account.SetStrangers(settings[keyStrangers] == "true")
	if h.ways != nil {
		h.ways.Set(waysOf(settings))
	}
	return nil
}

// SetActive does so until the daemon ends.
func (d *Daemon) SetActive(ctx context.Context, id AccountID, active bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, _, err := d.ready(id)
	if err != nil {
		return err
	}
	h.mu.Lock()
	if h.active != active {
		h.active = active
		h.tellLocked(VolatileChanged{h.volatileLocked()})
	}
	h.mu.Unlock()
	return h.apply(false)
}

// RegisterAll registers all enabled accounts again.
func (d *Daemon) RegisterAll() {
	for _, h := range d.hosted() {
		if err := h.apply(true); err != nil {
			d.log.Error("account not started", "err", err)
		}
	}
}

// Export returns the archive of an account with its settings and contacts,
// under the secret it has, which must be given. It takes a second where there is
// a password.
func (d *Daemon) Export(ctx context.Context, id AccountID, s identity.Secret) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, a, err := d.ready(id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	settings := h.detailsLocked()
	h.mu.Unlock()
	for _, key := range unarchived {
		delete(settings, key)
	}
	d.stretching.Lock()
	defer d.stretching.Unlock()
	return a.Archive(s, settings)
}

// unarchived are the settings that concern one device and stay out of archives
// (account spec 3.2).
var unarchived = []string{
	"Account.ringtonePath", keyDeviceName, "Account.deviceID", "DHT.port", "Account.dhtProxyListUrl",
	"Account.proxyEnabled", "Account.proxyServer", "Account.autoAnswer", keyCertificate, keyPrivateKey,
	"TLS.certificateListFile", keyUsername, keyHasPassword,
}

// ExportFile writes that archive to a file with mode 0600; the file is there
// whole or not at all.
func (d *Daemon) ExportFile(ctx context.Context, id AccountID, path string, s identity.Secret) error {
	archive, err := d.Export(ctx, id, s)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, archive, 0o600)
}

// ChangePassword puts another secret on the archive of an account. The error is
// [ErrPassword] when from is wrong, and then nothing is changed.
func (d *Daemon) ChangePassword(ctx context.Context, id AccountID, from, to identity.Secret) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h, a, err := d.ready(id)
	if err != nil {
		return err
	}
	d.stretching.Lock()
	defer d.stretching.Unlock()
	if err := a.ChangeSecret(from, to); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.locked = h.keys.Locked()
	h.tellLocked(DetailsChanged{h.detailsLocked()})
	return nil
}

// Devices returns the known devices of an account, its own first.
func (d *Daemon) Devices(id AccountID) ([]Device, error) {
	h, err := d.find(id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.devicesLocked(), nil
}

func (h *hosted) devicesLocked() []Device {
	if h.account == nil {
		return nil
	}
	devices := []Device{{h.account.Device().LongID(), h.settings[keyDeviceName], true}}
	others := h.account.Devices()
	for _, id := range slices.SortedFunc(maps.Keys(others), func(a, b value.LongID) int { return slices.Compare(a[:], b[:]) }) {
		devices = append(devices, Device{id, others[id], false})
	}
	return devices
}

// translate turns errors of the layers below into those of this package.
func translate(err error) error {
	if errors.Is(err, account.ErrClosed) {
		return ErrClosed
	}
	return err
}
