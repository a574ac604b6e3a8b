package presence

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// AnnouncerConfig says how a device announces itself.
type AnnouncerConfig struct {
	// Lease is how long an announcement lives; it is put again, under a new id,
	// after three fifths of that. 0 = one announcement that lives ten minutes and
	// is kept alive in place, like that of other daemons.
	Lease time.Duration
	// AllowShort permits leases under MinLease, for networks of one's own.
	AllowShort bool
	// Dated puts a signed time into announcements (threat A3). Each new date
	// needs the key of the account.
	Dated bool
	// Date is the newest date that the device is known to have shown in an earlier
	// life, zero for none: those to come are newer, whatever the clock says.
	Date time.Time
}

// Validate returns all mistakes of the configuration at once.
func (c AnnouncerConfig) Validate() error {
	var errs []error
	if c.Lease < 0 || c.Lease > Life {
		errs = append(errs, fmt.Errorf("presence: lease %v, want 0 to %v", c.Lease, Life))
	}
	if c.Lease > 0 && c.Lease < MinLease && !c.AllowShort {
		errs = append(errs, fmt.Errorf("presence: lease %v is under %v, which only a network of one's own should bear", c.Lease, MinLease))
	}
	return errors.Join(errs...)
}

// Announcer announces one device of one account. It is not safe for concurrent
// use. Make one with NewAnnouncer.
type Announcer struct {
	cfg   AnnouncerConfig
	rng   *rand.Rand
	clock clock

	started, invisible bool

	lease      time.Duration // in force, at least the configured one
	lengthened time.Time     // when lease was last changed to a longer one
	id         uint64        // of the latest announcement, 0 = none
	date       time.Time     // signed time of the latest announcement, wall clock only
	dated      time.Time     // when that was chosen, zero when another is wanted
	prepared   bool          // and nothing was put with it yet
	latest     time.Time     // when an announcement was last put
	failures   int           // since the last put that succeeded

	due   time.Time // when to put again, zero = never
	until time.Time // when the last stored announcement ends, zero = never or none
	on    bool      // what the last Announced told

	effects []Effect
}

// NewAnnouncer returns an announcer that puts nothing before Start. rng draws
// the value ids, which nobody should be able to guess (threat A4).
func NewAnnouncer(cfg AnnouncerConfig, rng *rand.Rand) (*Announcer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Announcer{cfg: cfg, rng: rng, lease: cfg.Lease, date: cfg.Date}, nil
}

// Prepare chooses the date of the announcement that Start will put, unless that is
// long in coming, so that it can be signed until then. It is the same when asked again,
// and zero when there will be none.
func (a *Announcer) Prepare(now time.Time) time.Time {
	if !a.cfg.Dated || a.invisible {
		return time.Time{}
	}
	if a.clock.jumped(now) || !a.prepared {
		a.dated = time.Time{}
	}
	a.redate(now)
	return a.date
}

// Start begins to announce.
func (a *Announcer) Start(now time.Time) {
	a.started = true
	a.resume(now)
}

// Stop ends it: what is stored ends with its lease.
func (a *Announcer) Stop(now time.Time) {
	a.started = false
	a.pause(now)
}

// SetInvisible makes the device put nothing, or announce again (threat A19).
func (a *Announcer) SetInvisible(now time.Time, invisible bool) {
	if a.invisible == invisible {
		return
	}
	a.invisible = invisible
	if invisible {
		a.pause(now)
	} else {
		a.resume(now)
	}
}

// NetworkChanged tells that the way to the network is another one; the device
// announces itself at once.
func (a *Announcer) NetworkChanged(now time.Time) { a.resume(now) }

// SetDated begins or ceases to date announcements. Before it ceases, the device has
// an announcement of its own that says so, see [Announcer.Lasting].
func (a *Announcer) SetDated(now time.Time, dated bool) {
	if a.cfg.Dated != dated {
		a.cfg.Dated = dated
		a.resume(now)
	}
}

// Lasting returns the stamp of an announcement that is put from now on, because no
// other can be signed: nobody has seen a newer date.
func (a *Announcer) Lasting(now time.Time) Stamp {
	a.dated = time.Time{}
	a.redate(now)
	a.prepared = false
	return Stamp{a.date, true}
}

// Doubted tells that a connection has ended, after which its other end may take the
// device for gone: a dated one announces itself anew, with a new date.
func (a *Announcer) Doubted(now time.Time) {
	if a.cfg.Dated && a.id != 0 {
		a.dated = time.Time{}
		a.due = earlier(a.due, later(now, a.latest.Add(redateGap)))
	}
}

// Shown tells that an announcement of this very device is on the network that has
// a date of its own: there is another program with its keys, or there was one until
// a moment ago. If the date is newer than ours, ours is the same from the next
// renewal on: who has seen it believes nothing older.
func (a *Announcer) Shown(now time.Time, s Stamp) {
	if a.cfg.Dated && !s.Lasting && s.Date.After(a.date) {
		a.date, a.dated, a.prepared = s.Date, now, false
	}
}

func (a *Announcer) resume(now time.Time) {
	jumped := a.clock.jumped(now)
	if a.started && !a.invisible {
		a.failures = 0
		if jumped || !a.prepared {
			a.dated = time.Time{} // who took the device for gone waits for a newer one
		}
		a.put(now)
	}
}

func (a *Announcer) pause(now time.Time) {
	a.clock.jumped(now)
	a.withdraw()
	a.id, a.due, a.until = 0, time.Time{}, time.Time{}
	a.tell(false)
}

func (a *Announcer) withdraw() {
	if a.id != 0 && a.lease == 0 {
		a.emit(WithdrawAnnouncement{a.id})
	}
}

// put announces under a fresh id. An announcement is never edited and a leased
// one never refreshed: every listener understands that one value came and another
// ended.
func (a *Announcer) put(now time.Time) {
	a.withdraw()
	for a.id = 0; a.id == 0; {
		a.id = a.rng.Uint64()
	}
	a.latest = now
	announcement := PutAnnouncement{ValueID: a.id, Created: now, Permanent: a.lease == 0}
	if a.lease > 0 {
		announcement.Created = now.Add(a.lease - Life)
		a.due = now.Add(a.renewal())
	}
	if a.cfg.Dated {
		a.redate(now)
		announcement.Date, a.prepared = a.date, false
		if a.lease == 0 {
			a.due = now.Add(redate)
		}
	}
	a.emit(announcement)
}

// redate takes a new date when the last one is old. It never goes back, even if
// the clock does: others ignore what is dated earlier.
func (a *Announcer) redate(now time.Time) {
	if !a.dated.IsZero() && now.Sub(a.dated) < redate {
		return
	}
	next := a.date.Add(time.Millisecond)
	a.date, a.dated, a.prepared = now.Round(0), now, true
	if a.date.Before(next) {
		a.date = next
	}
}

func (a *Announcer) renewal() time.Duration { return a.lease * 3 / 5 }

// PutDone tells how the put of an announcement ended: ok means that at least one
// node has it. For a permanent one only the first outcome counts.
func (a *Announcer) PutDone(now time.Time, valueID uint64, ok bool) {
	if valueID != a.id || a.id == 0 {
		return
	}
	if !ok {
		if a.lease > 0 {
			wait := min(minRetry<<min(a.failures, 10), a.renewal())
			a.failures++
			a.due = now.Add(wait/2 + time.Duration(a.rng.Int64N(int64(wait/2))))
		}
		return
	}
	a.failures = 0
	if a.lease > 0 {
		a.until = now.Add(a.lease)
		a.emit(CheckAnnouncement{a.id})
	}
	a.tell(true)
}

// ReadBack tells how many of the nodes that were asked for an announcement, and
// answered, have it. Too few of them mean that the lease is too short for the
// clocks involved: a node whose clock is ahead of ours by more than the lease
// drops the announcement on arrival (threat A16). The device then announces
// itself with a longer lease at once.
func (a *Announcer) ReadBack(now time.Time, valueID uint64, asked, held int) {
	if valueID != a.id || a.lease == 0 || asked == 0 {
		return
	}
	switch {
	case held < min(wantedHolders, asked):
		if a.lease < Life {
			a.lengthened = now
			a.setLease(min(2*a.lease, Life), asked, held)
			a.put(now)
		}
	case a.lease > a.cfg.Lease && now.Sub(a.lengthened) >= recovery:
		a.setLease(a.cfg.Lease, asked, held)
	}
}

func (a *Announcer) setLease(lease time.Duration, asked, held int) {
	a.lease = lease
	a.emit(LeaseChanged{lease, a.cfg.Lease, asked, held})
}

// Tick renews what is due, and at once after a suspend or a jump of the clock. A
// driver that notices a wake-up itself calls it then: the monotonic clock, and
// with it the next deadline, stood still.
func (a *Announcer) Tick(now time.Time) {
	jumped := a.clock.jumped(now)
	if jumped {
		a.dated = time.Time{}
	}
	if !a.until.IsZero() && !a.until.After(now) {
		a.until = time.Time{}
		a.tell(false)
	}
	if a.id != 0 && (jumped || !a.due.IsZero() && !a.due.After(now)) {
		a.put(now)
	}
}

// NextDeadline reports when Tick must be called next; zero means never.
func (a *Announcer) NextDeadline() time.Time { return earlier(a.due, a.until) }

// Lease returns the lease in force, 0 for a permanent announcement.
func (a *Announcer) Lease() time.Duration { return a.lease }

// Effects appends the pending effects to dst and forgets them, in order.
func (a *Announcer) Effects(dst []Effect) []Effect {
	dst = append(dst, a.effects...)
	clear(a.effects)
	a.effects = a.effects[:0]
	return dst
}

func (a *Announcer) emit(e Effect) { a.effects = append(a.effects, e) }

func (a *Announcer) tell(on bool) {
	if a.on != on {
		a.on = on
		a.emit(Announced{on})
	}
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earlier returns the earlier of two deadlines, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
