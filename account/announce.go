package account

import (
	"context"
	"time"

	"rollcall/dht"
	"rollcall/dht/value"
	"rollcall/presence"
)

// announce puts the announcement of the device, with the date and under the id
// that the announcer chose.
func (s *session) announce(e presence.PutAnnouncement) {
	a := s.account
	stored, err := s.putAnnouncement(e)
	if s.ctx.Err() != nil {
		return
	}
	a.log.Debug("announced", "nodes", stored, "err", err)
	s.input(func(now time.Time) {
		clear(a.stored)
		a.stored[e.ValueID] = stored
		a.announcer.PutDone(now, e.ValueID, err == nil && stored > 0)
		s.announcedOnce()
	})
}

// announcement returns that with a date; the value is not to be changed.
func (a *Account) announcement(ctx context.Context, date time.Time) *value.Value {
	v, err := a.announcements.made(ctx, date)
	if err != nil && ctx.Err() == nil {
		a.log.Warn("announced without a date", "err", err)
	}
	return v
}

func (s *session) putAnnouncement(e presence.PutAnnouncement) (stored int, err error) {
	v := *s.account.announcement(s.ctx, e.Date)
	v.ID = e.ValueID
	if e.Permanent {
		return s.keepAnnouncement(&v)
	}
	limited, cancel := context.WithTimeout(s.ctx, jobTimeout)
	defer cancel()
	return s.node.PutSince(limited, s.account.id, &v, e.Created)
}

// keepAnnouncement puts a permanent announcement, and tries until it is there:
// the announcer does not ask again.
func (s *session) keepAnnouncement(v *value.Value) (stored int, err error) {
	a := s.account
	for failures := 0; ; failures++ {
		keep, err := s.node.Keep(s.ctx, a.id, v)
		if err != nil {
			return 0, err
		}
		if stored, err = keep.Wait(s.ctx); err == nil {
			a.mu.Lock()
			a.kept[v.ID] = keep
			a.mu.Unlock()
			return stored, nil
		}
		keep.Stop()
		s.announcedOnce()
		if !pause(s.ctx, backoff(failures)) {
			return 0, err
		}
	}
}

// withdraw stops keeping a permanent announcement alive.
func (a *Account) withdraw(id uint64) {
	a.mu.Lock()
	keep := a.kept[id]
	delete(a.kept, id)
	a.mu.Unlock()
	if keep != nil {
		keep.Stop()
	}
}

// checkAnnouncement counts the nodes that have the announcement, unless it was
// found to be kept a moment ago.
func (s *session) checkAnnouncement(id uint64) {
	a := s.account
	a.mu.Lock()
	skip := time.Since(s.checked) < checkGap
	stored := a.stored[id]
	a.mu.Unlock()
	if skip {
		return
	}
	limited, cancel := context.WithTimeout(s.ctx, jobTimeout)
	defer cancel()
	held := 0
	fields := []value.Field{value.FieldID, value.FieldOwner}
	for f, err := range s.node.Select(limited, a.id, fields, value.WhereID(id)) {
		if err != nil {
			return // nobody can be asked, which says nothing about the announcement
		}
		if f.ID == id && f.Owner == a.id {
			held++
		}
	}
	s.input(func(now time.Time) {
		before := a.announcer.Lease()
		a.announcer.ReadBack(now, id, stored, held)
		if a.announcer.Lease() == before {
			s.checked = now
		}
	})
}

// userData asks for what announcements and revocation lists are.
var userData = dht.Lookup{Where: []value.Condition{value.WhereType(value.TypeUserData)}}
