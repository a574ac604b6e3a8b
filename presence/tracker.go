package presence

import (
	"errors"
	"maps"
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/internal/timers"
)

var (
	// ErrTooMany reports that MaxTracked accounts are followed already.
	ErrTooMany = errors.New("presence: too many accounts are followed, unsubscribe from some")
	// ErrZero reports the account id zero.
	ErrZero = errors.New("presence: zero is no account")
)

// TrackerConfig says how contacts are followed.
type TrackerConfig struct {
	// Dwell is how long an account is still shown online after its last
	// announcement has ended. 0 = at once; DefaultDwell is a good value.
	Dwell time.Duration
	// History is how many changes of status are kept per account, 0 = none.
	History int
}

// Tracker follows accounts: the contacts that it is told of, and what clients
// subscribe to. It is not safe for concurrent use. Make one with NewTracker.
type Tracker struct {
	cfg     TrackerConfig
	started bool
	peers   map[infohash.Hash]*peer
	timers  *timers.Queue[*peer]
	counts  [outcomes]uint64
	effects []Effect
}

// peer is one account with its status.
type peer struct {
	account       infohash.Hash
	contact       bool
	subscriptions int
	listening     bool

	devices  map[infohash.Hash]*device // on the network now
	values   map[uint64]*device        // the owner of each live value
	verdicts map[infohash.Hash]Verdict // other than Unknown
	dates    map[infohash.Hash]*dates
	channels map[infohash.Hash]channels // by device

	online    bool // on the network, or within the dwell time
	offlineAt time.Time
	status    Status
	since     time.Time
	lastSeen  time.Time
	saved     time.Time // when the memory of p was last stored
	flaps     uint64
	history   []Change
	note      Note
	unheard   bool // note was not told yet

	timers.Timer
}

// NewTracker returns a tracker that listens to nothing before Start.
func NewTracker(cfg TrackerConfig) *Tracker {
	return &Tracker{
		cfg: cfg, peers: make(map[infohash.Hash]*peer),
		timers: timers.New(func(a, b *peer) int { return a.account.Compare(b.account) }),
	}
}

// Start begins to listen for everything that is tracked.
func (t *Tracker) Start(now time.Time) {
	if t.started {
		return
	}
	t.started = true
	for _, account := range sortedKeys(t.peers) {
		t.follow(now, t.peers[account])
	}
}

// Stop ends all listens and forgets what they told: nothing is known of anybody
// any more. After the next Start everyone who is online is told anew.
func (t *Tracker) Stop(now time.Time) {
	if !t.started {
		return
	}
	t.started = false
	for _, account := range sortedKeys(t.peers) {
		p := t.peers[account]
		before := p.status
		clear(p.channels)
		t.unfollow(now, p)
		if before != Offline {
			t.remember(p, Change{At: now, Status: Offline})
			t.tell(now, p, before, CauseStopped)
		}
		t.follow(now, p)
	}
}

// SetContact tells whether an account is a contact that is not banned. All of
// these are tracked.
func (t *Tracker) SetContact(now time.Time, account infohash.Hash, contact bool) error {
	if !contact && t.peers[account] == nil {
		return nil
	}
	p, err := t.get(account)
	if err == nil {
		p.contact = contact
		t.follow(now, p)
	}
	return err
}

// Subscribe counts one more client subscription of an account and tells its
// status again unless that is Offline.
func (t *Tracker) Subscribe(now time.Time, account infohash.Hash) error {
	p, err := t.get(account)
	if err != nil {
		return err
	}
	p.subscriptions++
	t.follow(now, p)
	if p.status != Offline {
		t.tell(now, p, p.status, CauseSubscribed)
	}
	return nil
}

// Unsubscribe takes back one subscription, or all of them for clients that do
// not count. It tells nothing.
func (t *Tracker) Unsubscribe(now time.Time, account infohash.Hash, all bool) {
	p := t.peers[account]
	if p == nil || p.subscriptions == 0 {
		return
	}
	p.subscriptions--
	if all {
		p.subscriptions = 0
	}
	t.follow(now, p)
}

// get returns the peer of an account, a new one if need be.
func (t *Tracker) get(account infohash.Hash) (*peer, error) {
	if p := t.peers[account]; p != nil {
		return p, nil
	}
	if account.IsZero() {
		return nil, ErrZero
	}
	if len(t.peers) >= MaxTracked {
		return nil, ErrTooMany
	}
	p := &peer{
		account:  account,
		devices:  make(map[infohash.Hash]*device),
		values:   make(map[uint64]*device),
		verdicts: make(map[infohash.Hash]Verdict),
		dates:    make(map[infohash.Hash]*dates),
		channels: make(map[infohash.Hash]channels),
	}
	t.peers[account] = p
	return p, nil
}

// channels are the open message channels with a device, of which there is one.
type channels struct {
	open  int
	since time.Time // when the first was opened
}

func (p *peer) tracked() bool { return p.contact || p.subscriptions > 0 }

// follow begins or ends the listen of p as it must be, and forgets a peer that
// nobody asks for.
func (t *Tracker) follow(now time.Time, p *peer) {
	switch want := t.started && p.tracked(); {
	case want && !p.listening:
		p.listening = true
		t.emit(Listen{p.account})
	case !want && p.listening:
		t.unfollow(now, p)
	}
	if !p.tracked() && len(p.channels) == 0 {
		delete(t.peers, p.account)
	}
}

// unfollow ends the listen of p and forgets its devices, without a word.
func (t *Tracker) unfollow(now time.Time, p *peer) {
	if p.listening {
		p.listening = false
		t.emit(Unlisten{p.account})
	}
	if !p.lastSeen.IsZero() {
		t.save(now, p)
	}
	for _, id := range sortedKeys(p.devices) {
		t.drop(p, p.devices[id])
	}
	p.online, p.offlineAt = false, time.Time{}
	p.status = p.derive()
	t.timers.Set(p, time.Time{})
}

// drop takes a device off the network.
func (t *Tracker) drop(p *peer, d *device) {
	for id := range d.values {
		delete(p.values, id)
	}
	delete(p.devices, d.id)
	t.emit(DeviceDown{p.account, d.id, d.key})
}

// Effects appends the pending effects to dst and forgets them, in order.
func (t *Tracker) Effects(dst []Effect) []Effect {
	dst = append(dst, t.effects...)
	clear(t.effects)
	t.effects = t.effects[:0]
	return dst
}

func (t *Tracker) emit(e Effect) { t.effects = append(t.effects, e) }

// Tick ends announcements and dwell times that are over at now.
func (t *Tracker) Tick(now time.Time) {
	for p, ok := t.timers.Due(now); ok; p, ok = t.timers.Due(now) {
		t.review(now, p, CauseDevices)
	}
}

// NextDeadline reports when Tick must be called next; zero means never.
func (t *Tracker) NextDeadline() time.Time { return t.timers.Next() }

// review drops what of p has ended at now, settles its status, and sets its
// timer. Every input about the devices of p ends with it.
func (t *Tracker) review(now time.Time, p *peer, cause Cause) {
	for _, id := range sortedKeys(p.devices) {
		d := p.devices[id]
		d.prune(now)
		if len(d.values) == 0 {
			t.drop(p, d)
		}
	}
	for id, d := range p.values {
		if _, live := d.values[id]; !live {
			delete(p.values, id)
		}
	}
	t.settle(now, p, cause)
	deadline := p.offlineAt
	for _, d := range p.devices {
		deadline = earlier(deadline, d.last())
	}
	t.timers.Set(p, deadline)
}

func sortedKeys[V any](m map[infohash.Hash]V) []infohash.Hash {
	return slices.SortedFunc(maps.Keys(m), infohash.Hash.Compare)
}
