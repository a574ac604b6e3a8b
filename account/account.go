package account

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"rollcall/contact"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/internal/alarm"
	"rollcall/peer"
	"rollcall/presence"
	"rollcall/talk"
)

// ErrClosed reports an account that has been closed. It satisfies
// errors.Is(err, net.ErrClosed).
var ErrClosed = fmt.Errorf("account: closed: %w", net.ErrClosed)

// Account is one account with one device. It is safe for concurrent use. Make one
// with Open.
type Account struct {
	cfg    Config
	id     infohash.Hash
	device *identity.Device
	self   *dht.Identity // signs and decrypts values
	log    *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	places    chan struct{} // a place for each job that may run
	inquiries chan struct{} // and for each that a stranger can bring about

	announcements announcements

	talk *talk.Talk // asks for contacts under its lock: not to be called under mu

	mu        sync.Mutex // guards all below
	closed    bool
	list      *contact.List
	tracker   *presence.Tracker
	announcer *presence.Announcer
	queue     []task
	working   bool    // a goroutine carries out what is queued
	told      []Event // what this package itself has to tell
	alarm     *alarm.Alarm
	refresh   time.Time // when the live values are reported again
	state     State
	announced bool
	session   *session // nil when stopped
	follows   map[infohash.Hash]*follow
	stored    map[uint64]int         // nodes that acknowledged the last announcement, by its id
	kept      map[uint64]*dht.Keep   // permanent announcements
	answering map[infohash.Hash]bool // who gets an answer now; true: connections wait for that
	devices   map[value.LongID]string
	revoked   map[infohash.Hash]*identity.RevocationList
	issuers   map[infohash.Hash]*identity.Certificate // of accounts, as far as known
	unread    map[infohash.Hash]bool                  // accounts with revocation lists that came before their certificate
	judging   map[infohash.Hash]int                   // chains of an account that are being verified
	looking   map[sighting]bool                       // devices whose certificates are looked for
	waiting   []*waiter                               // received messages, in the order of their coming

	peers      *peer.Peers   // nil without connections
	strangers  bool          // may connect
	visibility chan struct{} // closed and made anew as cfg.Invisible changes
}

// Open makes an account of its files and its stored state. It does nothing on a
// network before Start.
func Open(cfg Config) (*Account, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Notify == nil {
		cfg.Notify = func(Event) {}
	}
	if cfg.Signers == nil {
		cfg.Signers = make(chan struct{}, 1)
	}
	device := cfg.Keys.Device
	a := &Account{
		cfg: cfg, id: device.Account(), device: device, log: cfg.Logger,
		places: make(chan struct{}, maxJobs), inquiries: make(chan struct{}, maxJobs),
		tracker:   presence.NewTracker(presence.TrackerConfig{Dwell: cfg.Dwell, History: cfg.History}),
		follows:   make(map[infohash.Hash]*follow),
		stored:    make(map[uint64]int),
		kept:      make(map[uint64]*dht.Keep),
		answering: make(map[infohash.Hash]bool),
		revoked:   make(map[infohash.Hash]*identity.RevocationList),
		issuers:   make(map[infohash.Hash]*identity.Certificate),
		unread:    make(map[infohash.Hash]bool), judging: make(map[infohash.Hash]int),
		looking:    make(map[sighting]bool),
		strangers:  cfg.Connections != nil && cfg.Connections.Strangers,
		visibility: make(chan struct{}),
	}
	a.announcements = announcements{keys: cfg.Keys, signers: cfg.Signers, remember: a.rememberDate}
	var err error
	if a.self, err = dht.NewIdentity(throttle(device), device.Chain().DER()...); err != nil {
		return nil, err
	}
	if a.devices, err = cfg.State.Devices(); err != nil {
		return nil, err
	}
	announcer := cfg.announcer()
	announcer.Dated, announcer.Date = !cfg.Keys.Locked(), cfg.shownDate()
	if a.announcer, err = presence.NewAnnouncer(announcer, newRand()); err != nil {
		return nil, err
	}
	now := time.Now()
	a.announcer.SetInvisible(now, cfg.Invisible)
	if err := a.load(now); err != nil {
		return nil, err
	}
	a.talk = a.newTalk()
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.alarm = alarm.New(a.tick)
	return a, nil
}

// load makes the contact list of what is stored.
func (a *Account) load(now time.Time) error {
	snapshot, err := a.cfg.State.Load()
	if err != nil {
		return err
	}
	a.list = contact.New(now, a.id, snapshot, newRand())
	for _, e := range a.list.Contacts() {
		if err := a.tracker.SetContact(now, e.Peer, e.Record.Active()); err != nil {
			return err
		}
	}
	return nil
}

func newRand() *rand.Rand {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it never fails
	return rand.New(rand.NewChaCha8(seed))
}

// ID returns the account id.
func (a *Account) ID() infohash.Hash { return a.id }

// Device returns the device that the account runs as.
func (a *Account) Device() *identity.Device { return a.device }

// Close stops the account and waits until nothing of it runs. What it was told
// to do is stored.
func (a *Account) Close() error {
	a.Stop()
	a.talk.Close()
	a.mu.Lock()
	a.closed = true
	a.alarm.Stop()
	a.mu.Unlock()
	a.cancel()
	a.wg.Wait()
	return nil
}

// Status is how an account is.
type Status struct {
	State     State
	Announced bool          // its announcement is on the network
	Lease     time.Duration // in force, 0 = permanent
}

// Status returns how the account is.
func (a *Account) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Status{State: a.state, Announced: a.announced, Lease: a.announcer.Lease()}
}

// Prepare begins what takes long of the next Start: it signs the announcement.
func (a *Account) Prepare() {
	a.input(func(now time.Time) {
		date := a.announcer.Prepare(now)
		a.wg.Go(func() { a.announcement(a.ctx, date) })
	})
}

// Start puts the account on the network of node: its certificate, then its
// announcement, and then it listens at its inbox (account spec 6). It does
// nothing when the account is started.
func (a *Account) Start(node *dht.Node) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session != nil || a.closed {
		return
	}
	s := &session{account: a, node: node, published: make(chan struct{}), announced: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(a.ctx)
	a.session = s
	now := time.Now()
	date := a.announcer.Prepare(now)
	a.setStateLocked(Trying)
	a.drainLocked(now, nil)
	s.parts.Go(s.run)
	s.parts.Go(func() { a.announcement(s.ctx, date) }) // for when the node has found others
}

// Stop takes the account off the network. When it returns, the node that Start was
// given may be closed. What is announced ends with its lease.
func (a *Account) Stop() {
	var s *session
	_ = a.do(func(now time.Time) error { // fails only when closed, and then all is done
		if s = a.session; s == nil {
			return nil
		}
		a.session = nil
		s.cancel()
		a.announcer.Stop(now)
		a.tracker.Stop(now)
		a.setStateLocked(Unregistered)
		return nil
	})
	if s != nil {
		s.parts.Wait()
	}
}

// SetInvisible makes the device announce itself no more, or again.
func (a *Account) SetInvisible(invisible bool) {
	a.input(func(now time.Time) {
		a.announcer.SetInvisible(now, invisible)
		a.cfg.Invisible = invisible
		close(a.visibility)
		a.visibility = make(chan struct{})
		if invisible && a.session != nil {
			a.session.announcedOnce()
		}
	})
}

// NetworkChanged tells that the way to the network is another one.
func (a *Account) NetworkChanged() { a.input(a.networkChangedLocked) }

func (a *Account) networkChangedLocked(now time.Time) {
	a.announcer.NetworkChanged(now)
	if a.peers != nil {
		a.peers.NetworkChanged()
	}
}

func (a *Account) setStateLocked(s State) {
	if a.state != s {
		a.state = s
		a.told = append(a.told, StateChanged{s})
	}
}
