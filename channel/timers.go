package channel

import "time"

// NextDeadline returns when Tick must be called next; zero means never.
func (s *Session) NextDeadline() time.Time {
	if s.ended {
		return time.Time{}
	}
	next := s.silence()
	if s.blocked != nil {
		next = s.blockedAt.Add(StallLimit)
	}
	for _, c := range s.waiting {
		if next.IsZero() || c.deadline.Before(next) {
			next = c.deadline
		}
	}
	return next
}

// silence returns when something must be done about a silent peer.
func (s *Session) silence() time.Time {
	switch {
	case !s.beacon.IsZero():
		return s.beacon.Add(BeaconTimeout * time.Duration(1+s.looked) / looks)
	case s.version >= 1:
		return s.heard.Add(s.patience)
	case s.stats.BytesIn == 0:
		return s.started.Add(BeaconAfter + BeaconTimeout)
	}
	return time.Time{} // it knows no beacons
}

// Tick runs every timer that is due at now. If it is called late, by Stall or more,
// what was waited for may be here and not be read yet, and gets time again.
func (s *Session) Tick(now time.Time) {
	if s.ended {
		return
	}
	s.overdue(now)
	if s.blocked != nil {
		switch due := s.blockedAt.Add(StallLimit); {
		case now.Before(due):
		case now.Sub(due) >= Stall:
			s.blockedAt = now
		default:
			s.unblock()
			// The peer was not heard because we did not listen.
			s.heard = now
		}
		return
	}
	switch due := s.silence(); {
	case due.IsZero() || now.Before(due):
	case s.beacon.IsZero() && s.version >= 1:
		s.Beacon(now)
	case s.beacon.IsZero() && now.Sub(due) >= Stall:
		s.started = now.Add(-BeaconAfter)
	case now.Sub(due) >= Stall:
		s.beacon, s.looked = now, 0
	case !s.beacon.IsZero() && s.looked+1 < looks:
		s.looked++
	default:
		s.End(Silent)
	}
}

// overdue ends the requests that were not answered in time.
func (s *Session) overdue(now time.Time) {
	for i := 0; i < len(s.waiting); {
		c := s.waiting[i]
		if c.ours && now.Sub(c.deadline) >= Stall {
			c.deadline = now.Add(BeaconTimeout)
		}
		if now.Before(c.deadline) {
			i++
			continue
		}
		if !c.ours {
			s.send(Control, appendRequest(nil, c.name, c.number, stateDecline))
		}
		s.close(c, Unanswered) // takes c out of waiting
	}
}

// unblock closes channels with slow readers until the stream can go on: the one
// that holds it back, or those that take up most of the room.
func (s *Session) unblock() {
	for s.blocked != nil {
		slow := s.blocked
		if slow.unread <= Window/2 {
			for _, c := range s.channels {
				if c.unread > slow.unread || c.unread == slow.unread && c.number < slow.number {
					slow = c
				}
			}
		}
		unread := slow.unread
		if slow.state == open {
			s.send(slow.number, nil)
			s.close(slow, Slow)
		} else {
			s.effects = append(s.effects, Effect{Kind: Closed, Channel: slow.number, Reason: Slow})
		}
		s.release(slow, unread)
	}
}
