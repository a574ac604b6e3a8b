package daemon

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"rollcall/account"
	"rollcall/contact"
	"rollcall/nat"
	"rollcall/presence"
	"rollcall/store"
	"rollcall/talk"
)

// hosted is an account of the daemon with all that belongs to it.
type hosted struct {
	daemon *Daemon
	id     AccountID

	// Of an account that was created in this life of the daemon: cancel ends the
	// creation, and created is closed when it has ended.
	cancel  context.CancelFunc
	created chan struct{}

	ways *nat.Ways // nil without connections; set when the account is opened

	saving sync.Mutex // held while settings are stored
	noting sync.Mutex // held while a note is stored and told
	// switching is held while the account is put on or off the network.
	switching sync.Mutex
	network   *network // that it is on, nil when off; guarded by switching

	// mu guards all below. It is taken before the daemon's lock and the account's,
	// and not held while something waits for the account's work.
	mu        sync.Mutex
	gone      bool // removed: nothing is told of it any more
	fresh     bool // made just now: its details are told with its next state
	state     State
	text      string // of an error
	progress  Progress
	announced bool
	active    bool
	locked    bool // the archive has a password
	settings  Details
	keys      *account.Keys    // nil while INITIALIZING
	stored    *store.State     // likewise
	account   *account.Account // likewise
}

// tellLocked publishes a change of the account, unless it is removed.
func (h *hosted) tellLocked(change Change) {
	if !h.gone {
		h.daemon.hub.publish(h.id, change)
	}
}

func (h *hosted) setStateLocked(s State, text string) {
	if h.state == s && h.text == text {
		return
	}
	h.state, h.text = s, text
	h.tellLocked(RegistrationChanged{s, text})
	h.tellLocked(VolatileChanged{h.volatileLocked()})
	if h.fresh {
		// Not before: a client that makes accounts waits for the step out of
		// INITIALIZING, and would see the new state at once by the details.
		h.fresh = false
		h.tellLocked(DetailsChanged{h.detailsLocked()})
	}
}

// running returns the account, or why there is none yet.
func (h *hosted) running() (*account.Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.account == nil {
		return nil, ErrNotReady
	}
	return h.account, nil
}

// open makes the account of the files in its directory. It is not on the network
// afterwards.
func (h *hosted) open(keys *account.Keys, state *store.State) error {
	d := h.daemon
	settings, err := state.Settings()
	if err != nil {
		return err
	}
	h.ways = d.ways(h.id, settings)
	cfg := account.Config{
		Keys: keys, State: state, Cache: d.cache, History: d.cfg.History,
		Lease: max(0, d.cfg.Lease), AllowShortLease: d.cfg.AllowShortLease, Dwell: max(0, d.cfg.Dwell),
		Signers:     d.signers,
		Invisible:   settings[keyInvisible] == "true",
		Connections: connections(settings, h.ways),
		Note:        keptNote(settings), NotesBySIP: settings[keyNotesBySIP] == "true",
		Notify: h.notify, Logger: d.log.With("account", h.id),
	}
	a, err := account.Open(cfg)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settings, h.keys, h.stored, h.account = settings, keys, state, a
	h.active, h.locked = true, keys.Locked()
	if h.wantedLocked() {
		a.Prepare()
	}
	return nil
}

// notify translates what the account tells.
func (h *hosted) notify(event account.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e := event.(type) {
	case account.StateChanged:
		h.setStateLocked(states[e.State], "")
	case presence.Announced:
		h.announced = e.On
		h.tellLocked(VolatileChanged{h.volatileLocked()})
	case account.DeviceAdded:
		h.tellLocked(DevicesChanged{h.devicesLocked()})
	case presence.StatusChanged:
		h.tellLocked(h.presenceLocked(e))
	case talk.NoteExpired:
		h.tellLocked(NoteChanged{})
	case talk.TextReceived:
		h.tellLocked(TextReceived{e.Account, e.ID, e.Type, e.Content})
	case talk.TextChanged:
		h.tellLocked(TextChanged{e.Account, e.ID, e.Status})
	case presence.LeaseChanged:
		h.daemon.log.Warn("lease", "account", h.id, "lease", e.Lease, "configured", e.Configured, "reason", e.Reason())
		h.tellLocked(LeaseChanged{e.Lease, e.Configured, e.Reason()})
	case contact.ContactAdded:
		h.tellLocked(ContactAdded(e))
	case contact.ContactRemoved:
		h.tellLocked(ContactRemoved(e))
	case contact.RequestReceived:
		change := RequestReceived{Request: h.request(&e.Request)}
		if e.Replaces != nil {
			if old := h.requestID(e.Replaces); old != change.Request.ID {
				change.Replaces = old
			}
		}
		h.tellLocked(change)
	case contact.RequestClosed:
		h.tellLocked(RequestClosed{h.request(&e.Request), e.Reason})
	case contact.OutgoingChanged:
		h.tellLocked(OutgoingChanged(e))
	}
}

func (h *hosted) presenceLocked(e presence.StatusChanged) PresenceChanged {
	change := PresenceChanged{Peer: e.Account, Status: e.Status, Was: e.Was, Cause: e.Cause, Subscribed: e.Subscribed, Note: e.Note}
	if h.account != nil {
		h.account.Read(func(l *contact.List, _ *presence.Tracker) {
			c, _ := l.Contact(e.Account)
			change.Contact = c.Active()
		})
	}
	return change
}

// states are the states of accounts as clients know them.
var states = map[account.State]State{
	account.Unregistered: Unregistered,
	account.Trying:       Trying,
	account.Registered:   Registered,
}

// wantedLocked reports whether the account is to be on the network.
func (h *hosted) wantedLocked() bool {
	return h.account != nil && !h.gone && h.active && h.settings[keyEnable] != "false"
}

// apply puts the account on the network or takes it off, as the settings say. With
// again it does so even if it is on that network.
func (h *hosted) apply(again bool) error {
	h.switching.Lock()
	defer h.switching.Unlock()
	h.mu.Lock()
	a := h.account
	want := h.wantedLocked()
	bootstrap := h.daemon.bootstrap(h.settings[keyHostname])
	h.mu.Unlock()
	if a == nil {
		return nil
	}
	if h.network != nil && (!want || again || !slices.Equal(h.network.bootstrap, bootstrap)) {
		a.Stop()
		h.daemon.leave(h.network)
		h.network = nil
	}
	if !want {
		h.mu.Lock()
		h.setStateLocked(Unregistered, "")
		h.mu.Unlock()
		return nil
	}
	if h.network == nil {
		network, err := h.daemon.join(bootstrap)
		if err != nil {
			h.mu.Lock()
			h.setStateLocked(ErrorGeneric, err.Error())
			h.mu.Unlock()
			return fmt.Errorf("account %s: %w", h.id, err)
		}
		h.network = network
		a.Start(network.node)
		if h.ways != nil {
			h.ways.Prepare(network.node.Addrs())
		}
	}
	return nil
}

// close takes the account off the network and closes its files.
func (h *hosted) close() error {
	h.mu.Lock()
	a, state := h.account, h.stored
	h.mu.Unlock()
	if a == nil {
		return nil
	}
	err := a.Close()
	h.switching.Lock()
	if h.network != nil {
		h.daemon.leave(h.network)
		h.network = nil
	}
	h.switching.Unlock()
	if closeErr := state.Close(); err == nil {
		err = closeErr
	}
	return err
}
