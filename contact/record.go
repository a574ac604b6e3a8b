package contact

import (
	"rollcall/dht/infohash"
)

// Record is what the devices of an account share about one contact. The zero
// Record is that of an account never heard of.
type Record struct {
	Added          int64  // when it last became active
	Removed        int64  // when it was last removed or banned; 0 = never since
	Confirmed      bool   // the peer is known to have us too
	Banned         bool   // only when not active
	ConversationID string // of the one-to-one conversation, as received, or ""
}

// Entry is a record with the account it is about.
type Entry struct {
	Peer   infohash.Hash
	Record Record
}

// Active reports whether the account is in the contact list.
func (r Record) Active() bool { return r.Added > r.Removed }

// Listed reports whether clients see the record in the list of contacts: it is
// active or banned (contacts spec 1.1).
func (r Record) Listed() bool { return r.Active() || r.Banned }

// stamp is the time of the last change between active, removed and banned.
func (r Record) stamp() int64 { return max(r.Added, r.Removed) }

// rank decides between records of one stamp: the more careful one wins.
func (r Record) rank() int {
	switch {
	case r.Active():
		return 0
	case !r.Banned:
		return 1
	default:
		return 2
	}
}

// after returns the stamp of a change made at now. It is later than the present
// stamp by the clock of seconds too, so that devices which know only seconds
// order the two changes as we do.
func (r Record) after(now int64) int64 {
	last := r.stamp()
	if last == 0 {
		return now
	}
	return max(now, (last/msPerSecond+1)*msPerSecond)
}

// moved returns the record with the conversation that the peer has moved to. The
// adding stays the same one, so a removal on another device still wins; the step
// of a millisecond lets the new id win among devices that share the adding.
func (r Record) moved(conversation string) Record {
	if r.ConversationID != "" && r.Added%msPerSecond != msPerSecond-1 {
		r.Added++
	}
	r.ConversationID = conversation
	return r
}

// coarse reports whether a stamp has, or may have, a resolution of one second.
// A stamp in milliseconds that looks like it loses nothing but the order within
// that second.
func coarse(stamp int64) bool { return stamp%msPerSecond == 0 }

// compareStamps orders two records in time, by seconds when one of them knows no
// more.
func compareStamps(a, b Record) int64 {
	s, t := a.stamp(), b.stamp()
	if coarse(s) || coarse(t) {
		s, t = s/msPerSecond, t/msPerSecond
	}
	return s - t
}

// merge joins two records of one account: the later one wins as a whole, and of
// two of the same time the more careful one (contacts spec 6, the newer rule).
// Whatever order records are merged in, devices that exchange them end up with
// equal ones: the result never has an earlier stamp than either, nor a lower
// rank at the same stamp.
func merge(a, b Record) Record {
	switch d := compareStamps(a, b); {
	case d > 0:
		return a
	case d < 0:
		return b
	}
	if b.rank() > a.rank() {
		a, b = b, a
	}
	if a.rank() == b.rank() {
		return join(a, b)
	}
	if a.Active() {
		a.Added = max(a.Added, b.stamp())
	} else {
		a.Removed = max(a.Removed, b.stamp())
	}
	return a
}

// join unites two records of the same time and rank.
func join(a, b Record) Record {
	conversation := a.ConversationID
	switch later := b.stamp() - a.stamp(); {
	case b.ConversationID == "":
	case conversation == "" || later > 0:
		conversation = b.ConversationID
	case later == 0:
		conversation = max(conversation, b.ConversationID)
	}
	return Record{
		Added:          max(a.Added, b.Added),
		Removed:        max(a.Removed, b.Removed),
		Confirmed:      a.Confirmed || b.Confirmed,
		Banned:         a.Banned,
		ConversationID: conversation,
	}
}

// normal returns the record without what has no meaning in its state, so that
// equal states are equal records.
func (r Record) normal() Record {
	if r.Active() {
		r.Banned = false
	} else {
		r.Confirmed = false
	}
	return r
}
