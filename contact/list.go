package contact

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"rollcall/dht/infohash"
)

var (
	// ErrPeer reports an account id that no contact can have: zero or our own.
	ErrPeer = errors.New("contact: an account cannot be a contact of itself")
	// ErrFull reports a list of MaxContacts records.
	ErrFull = errors.New("contact: the list is full, tombstones included")
	// ErrPayload reports a payload over MaxPayload.
	ErrPayload = errors.New("contact: payload is over 60000 bytes, use a smaller picture")
)

// Contact is what this device knows about a contact.
type Contact struct {
	Record
	// Asked is set when the account sent a request, or may have sent one from
	// another device: only then does a confirm mean anything (threat A7).
	Asked bool
}

// Snapshot is what a driver stores of a List and restores it from. The order of the
// slices does not matter.
type Snapshot struct {
	Contacts  map[infohash.Hash]Contact
	Requests  []Request
	Decisions []Decision
	Outgoing  []Outgoing
	Policy    Policy
}

// List is the contact list of one account with its trust requests. It is not
// safe for concurrent use. Make one with New.
type List struct {
	self     infohash.Hash
	rng      *rand.Rand
	contacts map[infohash.Hash]Contact
	sorted   []infohash.Hash // the keys of contacts, in order; nil = to be sorted again
	version  uint64          // counts changes of contacts
	pending  pending
	decided  decided
	outbox   outbox
	policy   Policy
	effects  []Effect
}

// New returns the list of the account self as it was stored; it takes over the
// map and the slices of stored. rng draws value ids and spreads puts in time. now
// is the time of the start.
func New(now time.Time, self infohash.Hash, stored Snapshot, rng *rand.Rand) *List {
	l := &List{self: self, rng: rng, contacts: stored.Contacts, policy: stored.Policy}
	if l.contacts == nil {
		l.contacts = make(map[infohash.Hash]Contact)
	}
	l.pending.restore(stored.Requests)
	l.decided.restore(stored.Decisions)
	l.outbox.restore(now, stored.Outgoing, rng)
	return l
}

// Effects appends the pending effects to dst and forgets them. The order of one
// drain is: the driver stores all Save… and Delete… of it in one transaction,
// then puts, then tells; only then does the call that caused them return to a
// user. When storing fails, the list has run ahead of the disk: it reports the
// error to the user and starts over with a New from what is stored.
func (l *List) Effects(dst []Effect) []Effect {
	dst = append(dst, l.effects...)
	clear(l.effects)
	l.effects = l.effects[:0]
	return dst
}

func (l *List) emit(e Effect) { l.effects = append(l.effects, e) }

// Tick does what is due at now: puts of the outbox.
func (l *List) Tick(now time.Time) { l.tickOutbox(now) }

// NextDeadline reports when Tick must be called next; zero means never.
func (l *List) NextDeadline() time.Time { return l.outbox.next }

// Contact returns what is known about an account; ok is false if nothing is.
func (l *List) Contact(peer infohash.Hash) (c Contact, ok bool) {
	c, ok = l.contacts[peer]
	return c, ok
}

// Version counts the changes of records since New.
func (l *List) Version() uint64 { return l.version }

// Contacts returns all records, tombstones included, in ascending order of
// accounts: what other devices of the account are to be sent.
func (l *List) Contacts() []Entry {
	entries := make([]Entry, 0, len(l.contacts))
	if l.sorted == nil {
		l.sorted = sortedKeys(l.contacts)
	}
	for _, peer := range l.sorted {
		entries = append(entries, Entry{peer, l.contacts[peer].Record})
	}
	return entries
}

// Requests returns the pending requests, the longest waiting first. Their slices
// are shared and must not be changed.
func (l *List) Requests() []Request { return l.pending.sorted() }

// Request returns the pending request of an account.
func (l *List) Request(from infohash.Hash) (r Request, ok bool) {
	if p := l.pending.byPeer[from]; p != nil {
		return *p, true
	}
	return Request{}, false
}

// Outgoing returns the messages that are not delivered yet, ordered by account
// and kind. Their payloads are shared and must not be changed.
func (l *List) Outgoing() []Outgoing {
	all := make([]Outgoing, 0, len(l.outbox.messages))
	for _, key := range l.outbox.sorted() {
		all = append(all, l.outbox.messages[key].copy())
	}
	return all
}

// Sent returns how far our request to an account has come; ok is false when
// there is none that still waits for an answer.
func (l *List) Sent(peer infohash.Hash) (s State, ok bool) {
	if o := l.outbox.messages[messageKey{peer, Ask}]; o != nil {
		return o.State, true
	}
	return 0, false
}

// valid reports whether an account can be a contact.
func (l *List) valid(peer infohash.Hash) bool { return !peer.IsZero() && peer != l.self }

// save stores a contact that this device changed.
func (l *List) save(peer infohash.Hash, c Contact, cause Cause) {
	old := l.contacts[peer]
	l.set(peer, c)
	l.emit(SaveContact{peer, c, old.Record, cause, infohash.Hash{}})
}

// set keeps what is known about a contact.
func (l *List) set(peer infohash.Hash, c Contact) {
	l.version++
	if _, known := l.contacts[peer]; !known {
		l.sorted = nil
	}
	l.contacts[peer] = c
}

func sortedKeys[V any](m map[infohash.Hash]V) []infohash.Hash {
	return slices.SortedFunc(maps.Keys(m), infohash.Hash.Compare)
}
