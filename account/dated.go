package account

import (
	"context"
	"sync"
	"time"

	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/presence"
)

// announcements are those of the device, as the account signs them (threat A3).
type announcements struct {
	keys     *Keys
	signers  chan struct{} // see Config
	remember func(date time.Time)

	mu     sync.Mutex
	signer *identity.Account // of the archive, nil until it was needed
	latest *value.Value      // the one that was made last
	date   time.Time         // of it
}

// made returns the announcement with a date, which is remembered. The first time that
// takes some milliseconds. Without a date it is that of the receipt, and so when there
// is no archive: a device can do without. Of that it tells once for each date.
func (n *announcements) made(ctx context.Context, date time.Time) (v *value.Value, err error) {
	if v, ok := n.known(date); ok {
		return v, nil
	}
	// Not under the lock: with many accounts the turn is long in coming, and who stops
	// this one does not wait for it.
	select {
	case n.signers <- struct{}{}:
		defer func() { <-n.signers }()
	case <-ctx.Done():
		v, _ = n.known(time.Time{})
		return v, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if v, ok := n.knownLocked(date); ok {
		return v, nil // who had the turn before has made it
	}
	n.date, n.latest = date, n.keys.Receipt.Announcement
	signed, err := n.signLocked(date)
	if err != nil {
		return n.latest, err
	}
	n.latest = signed
	n.remember(date)
	return n.latest, nil
}

// known returns the announcement with a date if nothing is to be signed for it.
func (n *announcements) known(date time.Time) (v *value.Value, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.knownLocked(date)
}

func (n *announcements) knownLocked(date time.Time) (v *value.Value, ok bool) {
	if date.IsZero() {
		return n.keys.Receipt.Announcement, true
	}
	return n.latest, n.latest != nil && date.Equal(n.date)
}

// signLocked makes the announcement with a date.
func (n *announcements) signLocked(date time.Time) (*value.Value, error) {
	if n.signer == nil {
		archive, err := n.keys.openArchive(identity.Secret{})
		if err != nil {
			return nil, err
		}
		n.signer = archive.Account
	}
	device := n.keys.Device
	payload := value.DeviceAnnouncement{Device: device.ID(), PublicKey: device.SPKI()}
	return n.signer.Announce(presence.AppendDated(nil, payload, presence.Stamp{Date: date}))
}

// changeSecret is that of the keys.
func (n *announcements) changeSecret(from, to identity.Secret, date time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.signer, n.latest = nil, nil
	return n.keys.changeSecret(from, to, date)
}

// ChangeSecret puts the archive under another secret. The error wraps
// identity.ErrPassword when from is wrong, and then nothing is changed. The device
// dates its announcements while there is none.
func (a *Account) ChangeSecret(from, to identity.Secret) error {
	var stamp presence.Stamp
	a.input(func(now time.Time) { stamp = a.announcer.Lasting(now) })
	if err := a.announcements.changeSecret(from, to, stamp.Date); err != nil {
		return err
	}
	dated := !a.cfg.Keys.Locked()
	a.input(func(now time.Time) { a.announcer.SetDated(now, dated) })
	return nil
}

// shownDate returns the newest date that the device has shown, as far as that is
// remembered.
func (c *Config) shownDate() time.Time {
	device := c.Keys.Device
	memory, _ := c.Cache.Memory(device.Account(), device.Account()) // its loss costs little
	for _, d := range memory.Dates {
		if d.Device == device.ID() {
			return d.Newest
		}
	}
	return time.Time{}
}

// rememberDate keeps a date for the next life. What else is remembered of our own
// account is what was heard at its id, which may be told anew.
func (a *Account) rememberDate(date time.Time) {
	memory := presence.Memory{Dates: []presence.DeviceDate{{Device: a.device.ID(), Newest: date, Seen: time.Now()}}}
	if err := a.cfg.Cache.SaveMemory(a.id, a.id, memory); err != nil {
		a.log.Warn("date not remembered", "err", err)
	}
}
