package storage

import (
	"iter"
	"net/netip"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// Push is news for one listener: exactly one of Values, Refreshed and Expired is
// not empty. Its slices are good until the next one is taken from Pushes, and
// must not be changed.
type Push struct {
	Key       infohash.Hash
	Values    [][]byte // packed; new or edited, and matching
	Refreshed []uint64 // ids of values whose life was extended, matching or not
	Expired   []uint64 // ids of values that are gone, matching or not

	Watch WatchID // of a watch; else what follows
	Node  infohash.Hash
	Addr  netip.AddrPort
	SID   uint32
	// Version is the one of the listener; version 0 wants another form (opendht
	// spec 2.9).
	Version int32
}

// Local reports whether p is for a watch.
func (p *Push) Local() bool { return p.Watch != 0 }

// queue holds news until it is fetched.
type queue struct {
	news   []news
	packed []byte // of all values in news
	values [][]byte
	ids    []uint64
	value  value.Value // being spread
}

// news is a push to one listener, or to all of its key.
type news struct {
	Push
	all bool
}

// Pushes yields the queued pushes, in order, and forgets them. News of a key goes to
// those who listen now. The store must not be
// changed meanwhile.
func (s *Store) Pushes() iter.Seq[Push] {
	// Not the method value, which would be allocated with every call.
	return func(yield func(Push) bool) { s.drain(yield) }
}

func (s *Store) drain(yield func(Push) bool) {
	for i := range s.queue.news {
		if n := &s.queue.news[i]; !s.spread(n, yield) {
			break
		}
	}
	s.queue.reset()
}

// spread yields a piece of news to those whom it concerns.
func (s *Store) spread(n *news, yield func(Push) bool) bool {
	if !n.all {
		return yield(n.Push)
	}
	key := s.findKey(&n.Key)
	if key == 0 {
		return true
	}
	var stored *value.Value
	if len(n.Values) > 0 {
		// A copy, since whoever takes the push may look into the store.
		s.queue.value = *s.read(n.Values[0])
		stored = &s.queue.value
	}
	for i := range s.audience(key) {
		r := s.listeners.at(i)
		if stored != nil && !r.filter.match(stored) {
			continue
		}
		p := n.Push
		r.address(&p)
		if !yield(p) {
			return false
		}
	}
	return true
}

// address makes p a push for listener r.
func (r *listenerRecord) address(p *Push) {
	p.Watch, p.Node, p.Addr, p.SID, p.Version = r.watch, r.node, r.addr, r.sid, r.version
}

func (q *queue) reset() {
	if cap(q.packed) > keptPushMemory {
		*q = queue{}
		return
	}
	q.value = value.Value{}
	clear(q.news)
	clear(q.values)
	q.news, q.packed, q.values, q.ids = q.news[:0], q.packed[:0], q.values[:0], q.ids[:0]
}

// addValue adds a copy of a packed value to the news that is being written, which
// must be the last.
func (q *queue) addValue(n *news, packed []byte) {
	start := len(q.packed)
	q.packed = append(q.packed, packed...)
	q.values = append(q.values, q.packed[start:len(q.packed):len(q.packed)])
	n.Values = q.values[len(q.values)-len(n.Values)-1:]
}

// addID adds an id to ids, which must be those of the last news.
func (q *queue) addID(ids *[]uint64, id uint64) {
	q.ids = append(q.ids, id)
	*ids = q.ids[len(q.ids)-len(*ids)-1:]
}

func (q *queue) add(key infohash.Hash, all bool) *news {
	q.news = append(q.news, news{Push: Push{Key: key}, all: all})
	return &q.news[len(q.news)-1]
}

// pushStored tells the listeners of its key of value i.
func (s *Store) pushStored(i uint32) {
	if k := s.keys.at(s.values.at(i).key); k.listeners != 0 {
		s.queue.addValue(s.queue.add(k.hash, true), s.packedOf(i))
	}
}

func (s *Store) pushRefreshed(i uint32) {
	r := s.values.at(i)
	if k := s.keys.at(r.key); k.listeners != 0 {
		s.queue.addID(&s.queue.add(k.hash, true).Refreshed, r.id)
	}
}

// pushExpired tells the listeners that value i is gone; what goes together is told
// together.
func (s *Store) pushExpired(i uint32) {
	r := s.values.at(i)
	k := s.keys.at(r.key)
	if k.listeners == 0 {
		return
	}
	if n := len(s.queue.news); n > 0 {
		if last := &s.queue.news[n-1]; last.all && last.Key == k.hash && len(last.Expired) > 0 {
			s.queue.addID(&last.Expired, r.id)
			return
		}
	}
	s.queue.addID(&s.queue.add(k.hash, true).Expired, r.id)
}

// pushPresent pushes to a new listener what its key holds, in several pushes if it
// is much (opendht spec 2.6).
func (s *Store) pushPresent(now time.Time, listener uint32) {
	l := s.listeners.at(listener)
	key := s.keys.at(l.key).hash
	var n *news
	size := 0
	query := l.filter.asQuery()
	s.Each(now, key, query, func(item Item) bool {
		if n == nil || size+len(item.Packed) > maxPushValues {
			n, size = s.queue.add(key, false), 0
			l.address(&n.Push)
		}
		s.queue.addValue(n, item.Packed)
		size += len(item.Packed)
		return true
	})
}
