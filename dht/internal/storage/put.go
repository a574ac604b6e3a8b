package storage

import (
	"net/netip"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/ratelimit"
	"rollcall/dht/value"
)

// Put is a value to be stored.
type Put struct {
	Key     infohash.Hash
	Value   *value.Value // with an id; not kept
	Created time.Time    // start of its life, not in the future; zero means now
	From    netip.AddrPort

	Own       bool // put by this node: no quota applies, and From is of no account
	Permanent bool // with Own: lives until Remove
}

// Verdict is what becomes of a put. All of them are acknowledged to the sender
// alike (opendht spec 6.2).
type Verdict uint8

const (
	// Rejected puts change nothing: their life is over, or a policy forbids them,
	// or they are too large.
	Rejected Verdict = iota
	// Repeated puts extend the life of the stored value, which they equal.
	Repeated
	// NeedsCheck is the verdict of Classify on a put that may be stored if the
	// signature of its value is good. Only then it may be committed.
	NeedsCheck
	// Accepted puts are stored.
	Accepted
)

// Classify tells what Commit would do with p. It changes nothing.
func (s *Store) Classify(now time.Time, p Put) Verdict {
	_, verdict := s.judge(now, &p)
	switch {
	case verdict.Action == value.Ignore:
		return Rejected
	case verdict.Action == value.Refresh:
		return Repeated
	case verdict.Verify:
		return NeedsCheck
	}
	return Accepted
}

// Commit stores or refreshes what p puts, and queues pushes to those who listen.
// What has changed since Classify is taken into account. The caller vouches for the
// signature where Classify said NeedsCheck, and for a value of its own.
func (s *Store) Commit(now time.Time, p Put) Verdict {
	c, verdict := s.judge(now, &p)
	switch verdict.Action {
	case value.Refresh:
		s.repeat(c)
		return Repeated
	case value.Store:
		return s.store(c, verdict.Value)
	}
	return Rejected
}

// candidate is a put beside what is stored already.
type candidate struct {
	*Put
	now     int64
	expires int64
	key     uint32 // the record of the key, if there is one
	old     uint32 // the stored value with the same id, if there is one
}

// judge asks the policies about p.
func (s *Store) judge(now time.Time, p *Put) (candidate, value.Verdict) {
	c := candidate{Put: p, now: s.clock(now)}
	if c.expires = c.now + s.remaining(now, p); c.expires <= c.now {
		s.stats.Rejected.Expired++
		return c, value.Verdict{}
	}
	if p.Own && p.Permanent {
		c.expires = never
	}
	c.key = s.findKey(&p.Key)
	c.old = s.findValue(c.key, p.Value.ID)
	var stored *value.Value
	if c.old != 0 && !s.over(c.old, c.now) {
		stored = s.unpack(c.old)
	}
	verdict := s.types.Judge(p.Key, stored, p.Value, p.From.Addr())
	if verdict.Action == value.Ignore {
		s.stats.Rejected.Policy++
	}
	return c, verdict
}

// over reports whether value i has come to its end.
func (s *Store) over(i uint32, t int64) bool { return s.values.at(i).expires <= t }

func (s *Store) life(v *value.Value) time.Duration {
	if v.Encrypted() {
		return value.DefaultLife
	}
	return s.types.Life(v.Type)
}

// remaining returns what is left of the life of what p puts.
func (s *Store) remaining(now time.Time, p *Put) int64 {
	life := s.life(p.Value)
	if p.Created.IsZero() || p.Permanent {
		return int64(life)
	}
	return int64(life - max(0, now.Sub(p.Created)))
}

// repeat extends the life of the stored value as c would set it. It never
// shortens it.
func (s *Store) repeat(c candidate) {
	s.stats.Repeated++
	r := s.values.at(c.old)
	expires := max(r.expires, c.expires)
	if c.Own && r.account != own {
		s.giveUp(c.old)
		r.expires = expires
		s.held.addOwn(c.old)
	} else if expires != r.expires {
		s.held.move(c.old, expires)
	}
	s.pushRefreshed(c.old)
}

// store stores v, in place of the value of the same id if there is one.
func (s *Store) store(c candidate, v *value.Value) Verdict {
	s.packed = v.Append(s.packed[:0])
	cost := valueCost + len(s.packed)
	// What is stored must be readable: a value that was never packed need not be.
	err := s.stored.Unpack(s.packed)
	if err != nil || !c.Own && (!s.held.fits(cost) || cost > s.keyBytes) {
		s.stats.Rejected.Unfit++
		return Rejected
	}
	if c.key == 0 {
		c.key = s.addKey(&c.Key)
	}
	if c.old != 0 {
		if s.over(c.old, c.now) {
			s.ended(c.old)
		}
		s.drop(c.old)
	}
	origin := ratelimit.OriginOf(c.From.Addr())
	if !c.Own {
		s.makeRoom(c.key, origin, cost)
	}
	if s.keys.at(c.key).hash != c.Key {
		c.key = s.addKey(&c.Key) // it went with the last value that it had
	}
	i := s.values.take()
	r := s.values.at(i)
	r.entry = entry{expires: c.expires, cost: uint32(cost), key: c.key}
	r.id = v.ID
	r.at = s.data.add(i, s.packed)
	s.valueIndex.insert(i)
	k := s.keys.at(c.key)
	s.keyValues.add(&k.values, i)
	if c.Own {
		s.held.addOwn(i)
	} else {
		s.held.add(i, origin)
		k.count++
		k.size += r.cost
	}
	s.stats.Stored++
	s.pushStored(i)
	return Accepted
}

// makeRoom evicts values until one more of the given cost fits.
func (s *Store) makeRoom(key uint32, origin ratelimit.Origin, cost int) {
	for {
		i := s.held.victim(origin, cost)
		if i == 0 {
			k := s.keys.at(key)
			if k.count < maxKeyValues && int(k.size)+cost <= s.keyBytes {
				return
			}
			i = s.keyVictim(k)
		}
		s.stats.Evicted++
		s.pushExpired(i)
		s.drop(i)
	}
}

// keyVictim returns the value that must go to make room in a full key: among some
// values of it, the first to end of those from the most frequent network. Taking
// turns, all values come to be among them.
func (s *Store) keyVictim(k *keyRecord) uint32 {
	var sample [keySample]uint32
	n := 0
	for i := s.values.at(k.values).ring.next; n < keySample; i = s.values.at(i).ring.next {
		if s.values.at(i).account != own {
			sample[n] = i
			n++
		}
		if i == k.values {
			break
		}
	}
	networkOf := func(i uint32) uint32 { return s.held.accounts.at(s.values.at(i).account).network }
	victim, most := uint32(0), 0
	for _, i := range sample[:n] {
		count := 0
		for _, j := range sample[:n] {
			if networkOf(i) == networkOf(j) {
				count++
			}
		}
		if count > most || count == most && s.values.at(i).expires < s.values.at(victim).expires {
			victim, most = i, count
		}
	}
	k.values = sample[n-1]
	return victim
}

// giveUp takes value i off the books of its account and key, so that it can be
// entered again or released.
func (s *Store) giveUp(i uint32) {
	r := s.values.at(i)
	if r.account != own {
		k := s.keys.at(r.key)
		k.count--
		k.size -= r.cost
	}
	s.held.remove(i)
}

// drop removes value i. Nobody is told.
func (s *Store) drop(i uint32) {
	s.giveUp(i)
	r := s.values.at(i)
	s.valueIndex.remove(i)
	s.keyValues.remove(&s.keys.at(r.key).values, i)
	key, at, n := r.key, r.at, r.length()
	s.values.release(i)
	s.data.free(at, n)
	s.releaseKey(key)
}

// Refresh extends the life of a value as if it had been created now (opendht spec
// 6.4). It reports whether anything is stored under key: a refresh of a value that
// is not there is answered the same way as peers do, if others are.
func (s *Store) Refresh(now time.Time, key infohash.Hash, id uint64) bool {
	k := s.findKey(&key)
	if k == 0 || s.keys.at(k).values == 0 {
		return false
	}
	t := s.clock(now)
	if i := s.findValue(k, id); i != 0 && !s.over(i, t) {
		s.stats.Repeated++
		if expires := t + int64(s.life(s.unpack(i))); expires > s.values.at(i).expires {
			s.held.move(i, expires)
		}
		s.pushRefreshed(i)
	}
	return true
}

// Remove drops a value and tells those who listen. It reports whether it was there.
func (s *Store) Remove(now time.Time, key infohash.Hash, id uint64) bool {
	i := s.findValue(s.findKey(&key), id)
	if i == 0 {
		return false
	}
	there := !s.over(i, s.clock(now))
	s.pushExpired(i)
	s.drop(i)
	return there
}
