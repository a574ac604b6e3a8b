package storage

import "time"

// Tick ends the lives of values and listeners whose time has come, a bounded
// number at once: NextDeadline tells when to go on.
func (s *Store) Tick(now time.Time) {
	t := s.clock(now)
	for range expiriesPerTick {
		i, expires := s.held.next()
		if expires > t {
			break
		}
		s.ended(i)
		s.drop(i)
	}
	for range expiriesPerTick {
		i, expires := s.heard.next()
		if expires > t {
			break
		}
		s.dismiss(i)
	}
}

// ended tells those who listen that the life of value i is over.
func (s *Store) ended(i uint32) {
	s.stats.Expired++
	s.pushExpired(i)
}

// NextDeadline returns when Tick must be called next; zero means never.
func (s *Store) NextDeadline() time.Time {
	_, value := s.held.next()
	_, listener := s.heard.next()
	return s.moment(min(value, listener))
}
