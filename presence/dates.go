package presence

import "time"

// dates is what the signed times of a device tell (threat A3): each counts for a
// while, and only in their order, so that one that is put again brings nobody back.
// The zero dates are those of a device that never showed one.
//
// A time far ahead of ours is believed as well, because the clock that is wrong may
// be ours, but apart from the others: these are to count again once both clocks are
// right.
type dates struct {
	near, ahead sighting
	far         bool // the latest that counted was ahead
}

// sighting is the newest of such times.
type sighting struct {
	newest  time.Time // by the device's clock
	seen    time.Time // when we saw it first, by ours
	gone    bool      // the device has left since: only a newer date brings it back
	lasting bool      // see Stamp
}

// accept reports whether an announcement with this stamp counts, and whether it is
// newer than all before.
func (d *dates) accept(now time.Time, stamp Stamp) (ok, newer bool) {
	if stamp.Date.IsZero() {
		return !d.shown(), false
	}
	far := stamp.Date.Sub(now.Round(0)) > maxClockLead
	s := &d.near
	if far {
		s = &d.ahead
	}
	switch {
	case stamp.Date.After(s.newest):
		*s = sighting{newest: stamp.Date, seen: now, lasting: stamp.Lasting}
		ok, newer = true, true
	case stamp.Date.Equal(s.newest) && !s.gone:
		limit := s.limit()
		ok = limit.IsZero() || limit.After(now)
	}
	if ok {
		d.far = far
	}
	return ok, newer
}

// shown reports whether the device ever showed a date.
func (d *dates) shown() bool { return !d.near.newest.IsZero() || !d.ahead.newest.IsZero() }

// leave notes that the device says goodbye, and reports whether that counts: one
// that does not date its announcements could not come back.
func (d *dates) leave() bool {
	if d.near.lasting && !d.far || d.ahead.lasting && d.far {
		return false
	}
	d.near.gone, d.ahead.gone = true, true
	return true
}

// limit returns until when the date counts that counted last. Zero means for ever.
func (d *dates) limit() time.Time {
	if d.far {
		return d.ahead.limit()
	}
	return d.near.limit()
}

// limit returns until when the date counts: a device that shows dates renews them,
// so an old one is a replay.
func (s *sighting) limit() time.Time {
	if s.newest.IsZero() || s.lasting {
		return time.Time{}
	}
	return s.seen.Add(dateLife)
}
