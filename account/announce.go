package account

import (
	"context"
	"time"

	"rollcall/dht"
	"rollcall/dht/value"
	"rollcall/presence"
)

// announce puts the announcement of the device, the bytes that the account
// signed once, under the id that the announcer chose.
func (a *Account) announce(ctx context.Context, e presence.PutAnnouncement) {
	v := *a.cfg.Keys.Receipt.Announcement
	v.ID = e.ValueID
	stored, err := a.putAnnouncement(ctx, e, &v)
	if ctx.Err() != nil {
		return
	}
	a.log.Debug("announced", "nodes", stored, "err", err)
	a.input(func(now time.Time) {
		clear(a.stored)
		a.stored[e.ValueID] = stored
		a.announcer.PutDone(now, e.ValueID, err == nil && stored > 0)
		if a.session != nil {
			a.session.announcedOnce()
		}
	})
}

func (a *Account) putAnnouncement(ctx context.Context, e presence.PutAnnouncement, v *value.Value) (stored int, err error) {
	limited, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	if !e.Permanent {
		return a.cfg.Node.PutSince(limited, a.id, v, e.Created)
	}
	keep, err := a.cfg.Node.Keep(ctx, a.id, v)
	if err != nil {
		return 0, err
	}
	a.mu.Lock()
	a.kept[e.ValueID] = keep
	a.mu.Unlock()
	return keep.Wait(limited)
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

// checkAnnouncement counts the nodes that have the announcement.
func (a *Account) checkAnnouncement(ctx context.Context, id uint64) {
	limited, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	held := 0
	fields := []value.Field{value.FieldID, value.FieldOwner}
	for f, err := range a.cfg.Node.Select(limited, a.id, fields, value.WhereID(id)) {
		if err != nil {
			return // nobody can be asked, which says nothing about the announcement
		}
		if f.ID == id && f.Owner == a.id {
			held++
		}
	}
	a.input(func(now time.Time) { a.announcer.ReadBack(now, id, a.stored[id], held) })
}

// userData asks for what announcements and revocation lists are.
var userData = dht.Lookup{Where: []value.Condition{value.WhereType(value.TypeUserData)}}
