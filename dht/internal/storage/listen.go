package storage

import (
	"errors"
	"iter"
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/ratelimit"
	"rollcall/dht/value"
)

var (
	// ErrFull reports a listen that is over a limit.
	ErrFull = errors.New("storage: too many listeners")
	// ErrQuery reports a listen with a query that cannot be read or is too long.
	ErrQuery = errors.New("storage: bad query of a listener")
)

// Listen is a listen request of another node.
type Listen struct {
	Key     infohash.Hash
	Node    infohash.Hash
	Addr    netip.AddrPort
	SID     uint32
	Version int32
	Query   []byte // packed, nil for all values; not kept
}

// WatchID names a watch: a listener of this node itself. Zero is none.
type WatchID uint64

// listenerRecord is a listener of another node, or a watch.
type listenerRecord struct {
	entry
	ring    link // of the key
	chain   uint32
	sid     uint32
	node    infohash.Hash
	version int32
	addr    netip.AddrPort
	filter  *filter // nil matches all
	watch   WatchID
}

// filter is what a listener wants to hear of. Listeners with the same query share
// one.
type filter struct {
	packed string
	query  value.Query
	users  int
}

// asQuery returns the query of f, nil for all values.
func (f *filter) asQuery() *value.Query {
	if f == nil {
		return nil
	}
	return &f.query
}

func (f *filter) match(v *value.Value) bool { return f == nil || f.query.Match(v) }

// is reports whether f was made from the packed query.
func (f *filter) is(packed []byte) bool {
	if f == nil {
		return len(packed) == 0
	}
	return f.packed == string(packed)
}

// Listen adds a listener, and pushes to it what is stored and matches; or it
// renews one, known by key, node and socket id, whose address, version and query
// may have changed (opendht spec 6.4). Renewing allocates nothing.
func (s *Store) Listen(now time.Time, l Listen) error {
	if len(l.Query) > maxQuery {
		return ErrQuery
	}
	expires := s.clock(now) + int64(listenLife)
	i := s.findListener(&l)
	if i != 0 && s.renew(i, &l, expires) {
		return nil
	}
	f, err := s.filterOf(l.Query)
	if err != nil {
		return err
	}
	fresh := i == 0
	if !fresh {
		s.dismiss(i)
	}
	cost := listenerCost + f.cost()
	origin := ratelimit.OriginOf(l.Addr.Addr())
	if !s.roomForListener(&l, origin, cost) {
		s.forgetFilter(f)
		return ErrFull
	}
	i = s.admit(&l.Key, f)
	r := s.listeners.at(i)
	r.expires, r.cost = expires, uint32(cost)
	r.node, r.sid, r.addr, r.version = l.Node, l.SID, l.Addr, l.Version
	s.heard.add(i, origin)
	s.listenerIndex.insert(i)
	s.keys.at(r.key).audience++
	if fresh {
		s.pushPresent(now, i)
	}
	return nil
}

// renew extends the life of listener i, unless what it is charged for, its query
// or its origin, has changed.
func (s *Store) renew(i uint32, l *Listen, expires int64) bool {
	r := s.listeners.at(i)
	if !r.filter.is(l.Query) || ratelimit.OriginOf(r.addr.Addr()) != ratelimit.OriginOf(l.Addr.Addr()) {
		return false
	}
	r.addr, r.version = l.Addr, l.Version
	s.heard.move(i, expires)
	return true
}

func (s *Store) findListener(l *Listen) uint32 {
	key := s.findKey(&l.Key)
	if key == 0 {
		return 0
	}
	i := s.listenerIndex.first(s.hashListener(key, &l.Node, l.SID))
	for i != 0 {
		if r := s.listeners.at(i); r.sid == l.SID && r.node == l.Node && r.key == key {
			break
		}
		i = s.listeners.at(i).chain
	}
	return i
}

// roomForListener makes room for one more listener if the limits allow.
func (s *Store) roomForListener(l *Listen, origin ratelimit.Origin, cost int) bool {
	if !s.heard.fits(cost) || !s.roomAtKey(l, origin) {
		return false
	}
	for i := s.heard.victim(origin, cost); i != 0; i = s.heard.victim(origin, cost) {
		s.oust(i)
	}
	return true
}

// roomAtKey makes room among the listeners of a key. When there are too many, the
// network with the most of them loses one if the newcomer's has fewer.
func (s *Store) roomAtKey(l *Listen, origin ratelimit.Origin) bool {
	key := s.findKey(&l.Key)
	if key == 0 {
		return true
	}
	sameNode := 0
	full := s.keys.at(key).audience >= maxKeyListeners
	var count map[ratelimit.Network]int
	if full {
		count = make(map[ratelimit.Network]int)
	}
	var crowd ratelimit.Network
	for i := range s.audience(key) {
		r := s.listeners.at(i)
		if r.watch != 0 {
			continue
		}
		if r.node == l.Node {
			sameNode++
		}
		if full {
			n := ratelimit.OriginOf(r.addr.Addr()).Network()
			if count[n]++; count[n] > count[crowd] {
				crowd = n
			}
		}
	}
	if sameNode >= maxNodeListeners {
		return false
	}
	if !full {
		return true
	}
	if count[crowd] <= count[origin.Network()]+1 {
		return false
	}
	for i := range s.audience(key) {
		if r := s.listeners.at(i); r.watch == 0 && ratelimit.OriginOf(r.addr.Addr()).Network() == crowd {
			s.oust(i)
			return true
		}
	}
	return false
}

// oust dismisses a listener to make room.
func (s *Store) oust(i uint32) {
	s.stats.Ousted++
	s.dismiss(i)
}

// audience yields the listeners and watches of a key record, oldest first, until
// one of them is dismissed.
func (s *Store) audience(key uint32) iter.Seq[uint32] {
	return func(yield func(i uint32) bool) {
		last := s.keys.at(key).listeners
		for i := last; i != 0; {
			i = s.listeners.at(i).ring.next
			if !yield(i) || i == last {
				return
			}
		}
	}
}

// admit makes a record for a listener of key.
func (s *Store) admit(key *infohash.Hash, f *filter) uint32 {
	k := s.findKey(key)
	if k == 0 {
		k = s.addKey(key)
	}
	i := s.listeners.take()
	r := s.listeners.at(i)
	r.key, r.filter = k, f
	s.keyListeners.add(&s.keys.at(k).listeners, i)
	return i
}

// dismiss removes a listener or a watch.
func (s *Store) dismiss(i uint32) {
	r := s.listeners.at(i)
	key := r.key
	s.heard.remove(i)
	if r.watch == 0 {
		s.listenerIndex.remove(i)
		s.keys.at(key).audience--
	}
	s.keyListeners.remove(&s.keys.at(key).listeners, i)
	s.forgetFilter(r.filter)
	s.listeners.release(i)
	s.releaseKey(key)
}

// Watch adds a listener of this node itself: it lives until Unwatch, and no limit
// applies. What is stored and matches is pushed to it at once.
func (s *Store) Watch(now time.Time, key infohash.Hash, q value.Query) WatchID {
	s.clock(now)
	var f *filter
	if len(q.Where) > 0 {
		f = &filter{query: value.Query{Where: slices.Clone(q.Where)}}
	}
	i := s.admit(&key, f)
	r := s.listeners.at(i)
	s.last++
	r.expires, r.watch = never, s.last
	s.heard.addOwn(i)
	s.watches[r.watch] = i
	s.pushPresent(now, i)
	return r.watch
}

// Unwatch ends a watch; one that is not known is ignored. Pushes that are queued
// for it may still come.
func (s *Store) Unwatch(id WatchID) {
	if i, ok := s.watches[id]; ok {
		delete(s.watches, id)
		s.dismiss(i)
	}
}

// filterOf returns the filter of a packed query, shared with others.
func (s *Store) filterOf(packed []byte) (*filter, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	f := s.filters[string(packed)]
	if f == nil {
		q, err := value.ParseQuery(packed)
		if err != nil {
			return nil, ErrQuery
		}
		f = &filter{packed: string(packed), query: value.Query{Where: q.Where}}
		s.filters[f.packed] = f
	}
	f.users++
	return f, nil
}

func (s *Store) forgetFilter(f *filter) {
	if f == nil || f.packed == "" {
		return
	}
	if f.users--; f.users == 0 {
		delete(s.filters, f.packed)
	}
}

// cost is what a listener is charged for its filter, whoever shares it.
func (f *filter) cost() int {
	if f == nil {
		return 0
	}
	return filterCost + len(f.packed) + conditionCost*len(f.query.Where)
}
