package search

import "time"

// Renew starts over with the known nodes after a time in which messages may have
// been lost: the machine slept, or its network has changed. Listens are placed anew,
// so that their nodes tell all that they have, and permanent values are announced
// again.
func (s *Search) Renew(now time.Time) {
	for _, p := range s.peers {
		p.synced = time.Time{}
	}
	for _, l := range s.listens {
		for _, p := range s.peers {
			if k := l.at[p]; k != nil {
				delete(l.at, p)
				s.detached = append(s.detached, detachment{k.sid, l.cache, now.Add(replacedGrace), true})
			}
		}
	}
	for _, a := range s.announces {
		for _, h := range a.at {
			if a.permanent {
				h.until = time.Time{}
			}
		}
		s.schedule.mark(a)
	}
	s.refilled, s.barren = time.Time{}, time.Time{}
	s.Step(now)
}

// relieve ends what the former sockets of a listen reported, once all its new ones
// are placed: what is still true has been reported anew, or is on its way.
func (s *Search) relieve(now time.Time, l *Listen) {
	for _, k := range l.at {
		if k.next.IsZero() {
			return
		}
	}
	for i := range s.detached {
		if d := &s.detached[i]; d.replaced && d.cache == l.cache {
			d.replaced, d.end = false, now.Add(relieveGrace)
			s.wakeBy(d.end)
		}
	}
}
