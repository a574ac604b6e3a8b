package account

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/presence"
)

// follow is a listen at the id of another account.
type follow struct {
	listener *dht.Listener   // of who carries out the effects
	ready    chan struct{}   // closed when what was known of the account is known again
	live     map[uint64]bool // announcements that the network has, by contentID; guarded by the account's lock
}

// follow begins to listen at the id of an account. What is stored about it is read
// while the network is asked.
func (a *Account) follow(peer infohash.Hash) {
	f := &follow{ready: make(chan struct{}), live: make(map[uint64]bool)}
	defer close(f.ready)
	a.mu.Lock()
	s := a.session
	old := a.follows[peer]
	if s != nil {
		a.follows[peer] = f
	}
	a.mu.Unlock()
	if old != nil {
		old.listener.Stop()
	}
	if s == nil {
		return
	}
	f.listener = s.listen(peer, userData,
		func(event dht.Event) {
			<-f.ready
			a.heard(peer, f, event)
		},
		func() { a.lose(peer, f) })
	memory, err := a.cfg.Cache.Memory(a.id, peer)
	if err != nil {
		a.log.Warn("presence not remembered", "err", err)
	}
	a.knowRevocations(peer)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.follows[peer] == f {
		a.tracker.Restore(peer, memory)
	}
}

func (a *Account) unfollow(peer infohash.Hash) {
	a.mu.Lock()
	f := a.follows[peer]
	delete(a.follows, peer)
	a.mu.Unlock()
	if f != nil {
		f.listener.Stop()
	}
	a.forgetStranger(peer)
}

// relax makes the listen at the id of an account cost less while a connection tells
// more of it.
func (a *Account) relax(e presence.StatusChanged) {
	connected := e.Status == presence.Connected
	if connected == (e.Was == presence.Connected) {
		return
	}
	a.mu.Lock()
	f := a.follows[e.Account]
	a.mu.Unlock()
	if f != nil {
		f.listener.Relax(connected)
	}
}

// lose takes all announcements of an account for ended.
func (a *Account) lose(peer infohash.Hash, f *follow) {
	a.input(func(now time.Time) {
		if a.follows[peer] != f {
			return
		}
		for _, id := range slices.Sorted(maps.Keys(f.live)) {
			a.tracker.Expired(now, peer, id, infohash.Hash{})
		}
		clear(f.live)
	})
}

// contentID is what the tracker knows a value by. Anybody can put another one under the
// same value id, whose end says nothing about this one.
func contentID(v *value.Value) uint64 {
	digest := infohash.Sum(v.Append(nil))
	return binary.BigEndian.Uint64(digest[:])
}

func (a *Account) heard(peer infohash.Hash, f *follow, event dht.Event) {
	v := event.Value
	if !v.Signed() {
		if !event.Expired {
			a.foundRevocationList(peer, v)
		}
		return
	}
	d, err := value.ParseDeviceAnnouncement(v.Data)
	if err != nil {
		return
	}
	id := contentID(v)
	a.input(func(now time.Time) {
		if a.follows[peer] != f {
			return
		}
		if event.Expired {
			delete(f.live, id)
			a.tracker.Expired(now, peer, id, infohash.Hash{})
			return
		}
		outcome := a.tracker.Heard(now, peer, presence.Value{
			ID: id, Owner: v.OwnerID(), Device: d.Device, DeviceKey: d.PublicKey, Stamp: presence.ReadStamp(v.Data),
		})
		if outcome == presence.Counted {
			f.live[id] = true
		}
	})
}

// refreshLocked tells the tracker again of every announcement that the network
// still has: the node tells of one when it appears and when it ends, and renews
// it silently.
func (a *Account) refreshLocked(now time.Time) {
	a.refresh = time.Time{}
	if a.session == nil {
		return
	}
	a.refresh = now.Add(refreshLive)
	for peer, f := range a.follows {
		for id := range f.live {
			a.tracker.Refreshed(now, peer, id, infohash.Hash{}, time.Time{})
		}
	}
}
