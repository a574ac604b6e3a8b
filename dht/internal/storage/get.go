package storage

import (
	"iter"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// Each calls yield with the values under key that match q, oldest first, until it
// returns false. A nil q matches all. yield must not change the store. Nothing is
// allocated, but where q looks at user types.
func (s *Store) Each(now time.Time, key infohash.Hash, q *value.Query, yield func(Item) bool) {
	s.each(s.clock(now), &key, q, func(i uint32) bool { return yield(s.item(i)) })
}

func (s *Store) item(i uint32) Item {
	r := s.values.at(i)
	return Item{ID: r.id, Packed: s.packedOf(i), store: s, record: r}
}

// each calls yield with the handles of the values under key that match q.
func (s *Store) each(t int64, key *infohash.Hash, q *value.Query, yield func(i uint32) bool) {
	k := s.findKey(key)
	if k == 0 {
		return
	}
	all := q == nil || len(q.Where) == 0
	if id, ok := wantedID(q); ok {
		// Peers fetch the values of a key one by one.
		if i := s.findValue(k, id); i != 0 && !s.over(i, t) && q.Match(s.unpack(i)) {
			yield(i)
		}
		return
	}
	last := s.keys.at(k).values
	for i := last; i != 0; {
		i = s.values.at(i).ring.next
		if !s.over(i, t) && (all || q.Match(s.unpack(i))) && !yield(i) || i == last {
			return
		}
	}
}

// wantedID returns the only value id that q can match, if it names one.
func wantedID(q *value.Query) (id uint64, ok bool) {
	if q != nil {
		for i := range q.Where {
			if c := &q.Where[i]; c.Field == value.FieldID {
				return c.ID, true
			}
		}
	}
	return 0, false
}

// AppendFields appends the fields that q selects of the values under key that it
// matches, in the form of a reply (opendht spec 3.3). It appends nothing when no
// value matches.
func (s *Store) AppendFields(b []byte, now time.Time, key infohash.Hash, q *value.Query) []byte {
	s.matches = s.matches[:0]
	s.each(s.clock(now), &key, q, func(i uint32) bool {
		s.matches = append(s.matches, i)
		return true
	})
	if len(s.matches) == 0 {
		return b
	}
	onlyID := len(q.Select) == 1 && q.Select[0] == value.FieldID
	b = value.AppendFieldsHeader(b, q.Select, len(s.matches))
	for _, i := range s.matches {
		if onlyID {
			s.stored = value.Value{ID: s.values.at(i).id}
		} else {
			s.unpack(i)
		}
		b = s.stored.AppendFields(b, q.Select)
	}
	return b
}

// Cursor is a position among the keys of a store. The zero Cursor is the start.
type Cursor uint32

// Keys appends to dst the keys with values that are found at the next n positions,
// and returns the position to go on from: the zero Cursor at the end. A key that is
// there all the while is found once, whatever else changes in between.
func (s *Store) Keys(dst []infohash.Hash, from Cursor, n int) ([]infohash.Hash, Cursor) {
	end := uint64(from) + uint64(n)
	for i := uint64(from) + 1; i <= min(end, uint64(s.keys.used)); i++ {
		if k := s.keys.at(uint32(i)); k.values != 0 {
			dst = append(dst, k.hash)
		}
	}
	if end >= uint64(s.keys.used) {
		return dst, 0
	}
	return dst, Cursor(end)
}

// All yields every value with its key, those of one key together. The store must
// not be changed meanwhile.
func (s *Store) All(now time.Time) iter.Seq2[infohash.Hash, Item] {
	return func(yield func(infohash.Hash, Item) bool) {
		t := s.clock(now)
		for k := uint32(1); k <= s.keys.used; k++ {
			hash, more := s.keys.at(k).hash, true
			s.each(t, &hash, nil, func(i uint32) bool {
				more = yield(hash, s.item(i))
				return more
			})
			if !more {
				return
			}
		}
	}
}
