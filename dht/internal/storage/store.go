// Package storage holds what a node stores: values, for other nodes and of its
// own, and the listeners that want to hear of them.
//
// What is held for others is bounded in bytes, in all and for each origin, network
// and key; when there is no room, whoever takes most loses what ends first.
// Source: opendht spec sections 4.4, 4.5 and 6.
//
// Records lie in pools and refer to each other by handles, and packed values lie
// in a log, so that a hundred thousand values are a few hundred objects to the
// garbage collector.
package storage

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// Config bounds what is held for others, in bytes of memory; what the node holds
// for itself is not counted.
type Config struct {
	Bytes         int // values; 0 means 64 MiB
	ListenerBytes int // listeners of other nodes; 0 means 16 MiB
}

// Store is the storage of one node. It is not safe for concurrent use. Times may
// come from a clock that steps as long as they carry a monotonic reading.
type Store struct {
	types    *value.Types
	keyBytes int
	start    time.Time // of the first call; the store's clock counts from it
	seed     maphash.Seed

	keys      pool[keyRecord]
	values    pool[valueRecord]
	listeners pool[listenerRecord]

	keyIndex      index // by hash
	valueIndex    index // by key and value id
	listenerIndex index // by key, node and socket id

	keyValues    rings
	keyListeners rings

	data  log    // packed values
	held  ledger // values
	heard ledger // listeners

	filters map[string]*filter // by packed query
	watches map[WatchID]uint32 // to listener records
	last    WatchID
	queue   queue

	stored  value.Value // the stored value being looked at
	packed  []byte      // the value being packed
	matches []uint32    // the values being selected from
	stats   Stats
}

// keyRecord is a key with values or listeners.
type keyRecord struct {
	hash      infohash.Hash
	chain     uint32
	values    uint32 // ring, oldest first
	listeners uint32 // ring
	count     uint32 // values held for others
	size      uint32 // what they cost
	audience  uint32 // listeners of other nodes
}

type valueRecord struct {
	entry
	id    uint64
	ring  link // of the key
	chain uint32
	at    uint32 // in the log
}

func (r *valueRecord) length() int { return int(r.cost) - valueCost }

// New returns an empty store. types decides lives and policies.
func New(cfg Config, types *value.Types) *Store {
	if cfg.Bytes == 0 {
		cfg.Bytes = defaultBytes
	}
	if cfg.ListenerBytes == 0 {
		cfg.ListenerBytes = defaultListenerBytes
	}
	s := &Store{
		types: types, keyBytes: keyLimit(cfg.Bytes), seed: maphash.MakeSeed(),
		filters: make(map[string]*filter), watches: make(map[WatchID]uint32),
	}
	s.held.init(cfg.Bytes, func(i uint32) *entry { return &s.values.at(i).entry })
	s.heard.init(cfg.ListenerBytes, func(i uint32) *entry { return &s.listeners.at(i).entry })
	s.keyIndex = index{
		hash:  func(i uint32) uint64 { return s.hashKey(&s.keys.at(i).hash) },
		chain: func(i uint32) *uint32 { return &s.keys.at(i).chain },
	}
	s.valueIndex = index{
		hash:  func(i uint32) uint64 { r := s.values.at(i); return s.hashValue(r.key, r.id) },
		chain: func(i uint32) *uint32 { return &s.values.at(i).chain },
	}
	s.listenerIndex = index{
		hash: func(i uint32) uint64 {
			r := s.listeners.at(i)
			return s.hashListener(r.key, &r.node, r.sid)
		},
		chain: func(i uint32) *uint32 { return &s.listeners.at(i).chain },
	}
	s.keyValues = rings{func(i uint32) *link { return &s.values.at(i).ring }}
	s.keyListeners = rings{func(i uint32) *link { return &s.listeners.at(i).ring }}
	s.data.size = func(i uint32) int { return s.values.at(i).length() }
	s.data.moved = func(i, at uint32) { s.values.at(i).at = at }
	return s
}

// clock returns now in nanoseconds on the store's own clock.
func (s *Store) clock(now time.Time) int64 {
	if s.start.IsZero() {
		s.start = now
	}
	return int64(now.Sub(s.start))
}

// Slept tells that lives have gone on for a time that the monotonic clock has missed.
func (s *Store) Slept(d time.Duration) {
	if !s.start.IsZero() {
		s.start = s.start.Add(-d)
	}
}

// moment is the inverse of clock; the zero time stands for never.
func (s *Store) moment(t int64) time.Time {
	if t == never {
		return time.Time{}
	}
	return s.start.Add(time.Duration(t))
}

// The hashes are seeded at random, which shows in nothing but speed: others choose
// keys and ids.

func (s *Store) hashKey(key *infohash.Hash) uint64 { return maphash.Bytes(s.seed, key[:]) }

func (s *Store) hashValue(key uint32, id uint64) uint64 {
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:], id)
	binary.LittleEndian.PutUint32(b[8:], key)
	return maphash.Bytes(s.seed, b[:])
}

func (s *Store) hashListener(key uint32, node *infohash.Hash, sid uint32) uint64 {
	var b [infohash.Size + 8]byte
	copy(b[:], node[:])
	binary.LittleEndian.PutUint32(b[infohash.Size:], sid)
	binary.LittleEndian.PutUint32(b[infohash.Size+4:], key)
	return maphash.Bytes(s.seed, b[:])
}

// findKey returns the record of key, or 0.
func (s *Store) findKey(key *infohash.Hash) uint32 {
	i := s.keyIndex.first(s.hashKey(key))
	for i != 0 && s.keys.at(i).hash != *key {
		i = s.keys.at(i).chain
	}
	return i
}

// findValue returns the value of the given id under a key record, or 0.
func (s *Store) findValue(key uint32, id uint64) uint32 {
	if key == 0 {
		return 0
	}
	i := s.valueIndex.first(s.hashValue(key, id))
	for i != 0 {
		if r := s.values.at(i); r.id == id && r.key == key {
			break
		}
		i = s.values.at(i).chain
	}
	return i
}

// addKey makes a record for key, which has none.
func (s *Store) addKey(key *infohash.Hash) uint32 {
	i := s.keys.take()
	s.keys.at(i).hash = *key
	s.keyIndex.insert(i)
	return i
}

// releaseKey gives up the record of a key without values and listeners.
func (s *Store) releaseKey(i uint32) {
	if k := s.keys.at(i); k.values == 0 && k.listeners == 0 {
		s.keyIndex.remove(i)
		s.keys.release(i)
	}
}

func (s *Store) packedOf(i uint32) []byte {
	r := s.values.at(i)
	return s.data.bytes(r.at, r.length())
}

// unpack reads value i into s.stored.
func (s *Store) unpack(i uint32) *value.Value { return s.read(s.packedOf(i)) }

// read reads a packed value that is or was stored into s.stored.
func (s *Store) read(packed []byte) *value.Value {
	if err := s.stored.Unpack(packed); err != nil {
		// It was read once before it was stored.
		panic("storage: a stored value cannot be read: " + err.Error())
	}
	return &s.stored
}

// Item is a stored value. It is good until the store is changed.
type Item struct {
	ID     uint64
	Packed []byte // not to be changed

	store  *Store
	record *valueRecord
}

// Own reports whether this node itself put the value.
func (x *Item) Own() bool { return x.record.account == own }

// Expires returns the end of the value's life; zero means never, for a permanent
// value of this node.
func (x *Item) Expires() time.Time { return x.store.moment(x.record.expires) }

// Created returns the beginning of the value's life, as its putter told or the
// last refresh set it; zero for a permanent value of this node.
func (x *Item) Created() time.Time {
	if x.record.expires == never {
		return time.Time{}
	}
	return x.Expires().Add(-x.store.life(x.store.read(x.Packed)))
}

// From returns the address of who put the value, for IPv6 the first one of the /64;
// the zero Addr for this node's own values.
func (x *Item) From() netip.Addr {
	if x.Own() {
		return netip.Addr{}
	}
	return x.store.held.accounts.at(x.record.account).origin.Addr()
}

// Stats describes a store.
type Stats struct {
	Keys      int // with values or listeners
	Values    int // own ones included
	Listeners int // of other nodes
	Watches   int // of this node

	Bytes         int // that values held for others take of Config.Bytes
	ListenerBytes int // that listeners take of Config.ListenerBytes

	Stored   uint64 // values taken, edits included
	Repeated uint64 // values put again, and refreshed
	Expired  uint64 // values that came to their end
	Evicted  uint64 // values that made room for others
	Rejected Rejections
	Ousted   uint64 // listeners that made room for others
}

// Rejections counts the values that were not stored, by reason.
type Rejections struct {
	Expired uint64 // their life was over
	Policy  uint64 // against the rules of their type or of the stored value
	Unfit   uint64 // malformed, or larger than a value, an origin or a key may be
}

// Stats returns the present figures, and counters since the store was made.
func (s *Store) Stats() Stats {
	x := s.stats
	x.Keys = s.keys.len()
	x.Values = s.values.len()
	x.Watches = len(s.watches)
	x.Listeners = s.listeners.len() - len(s.watches)
	x.Bytes, x.ListenerBytes = s.held.used, s.heard.used
	return x
}
