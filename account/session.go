package account

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"rollcall/dht"
	"rollcall/identity"
	"rollcall/presence"
)

// session is the time between Start and Stop.
type session struct {
	account   *Account
	node      *dht.Node
	ctx       context.Context
	cancel    context.CancelFunc
	parts     sync.WaitGroup // all that runs of it
	published chan struct{}  // closed when the certificate is on the network
	announced chan struct{}  // closed when the first announcement was tried, or is not wanted
	once      sync.Once
	checked   time.Time // when enough nodes had the announcement; guarded by the account's lock
}

// announcedOnce lets the session go on after the first announcement.
func (s *session) announcedOnce() { s.once.Do(func() { close(s.announced) }) }

// run brings the device on the network, and keeps the state at that of the node.
func (s *session) run() {
	a := s.account
	if s.node.WaitConnected(s.ctx) != nil {
		return
	}
	s.input(func(now time.Time) {
		a.setStateLocked(Registered)
		a.tracker.Start(now)
		a.refresh = now.Add(refreshLive)
	})
	s.parts.Go(s.appear)
	s.watchConnection()
}

// appear makes the device known in the order that others rely on (account spec 6):
// who sees the announcement finds the certificate, and who answers a request finds a
// reader at the inbox.
func (s *session) appear() {
	a := s.account
	// With this the nodes that are to have the announcement are known when it is
	// its turn.
	own := s.listen(a.id, userData, s.ownValue, nil)
	own.Relax(true) // nobody waits for what other devices of the account put
	context.AfterFunc(s.ctx, own.Stop)
	if !s.publish() {
		return
	}
	close(s.published)
	s.input(func(now time.Time) {
		a.announcer.Start(now)
		if a.cfg.Invisible {
			s.announcedOnce()
		}
	})
	select {
	case <-s.announced:
	case <-s.ctx.Done():
		return
	}
	context.AfterFunc(s.ctx, s.listen(a.device.Inbox(), dht.Lookup{As: a.self}, s.mail, nil).Stop)
	s.parts.Go(s.connect)
}

// input is that of the account, unless the session has ended.
func (s *session) input(f func(now time.Time)) {
	s.account.input(func(now time.Time) {
		if s.account.session == s {
			f(now)
		}
	})
}

// enterPart begins a part of the session that ends with parts.Done. It reports false
// when the session has ended.
func (s *session) enterPart() bool {
	a := s.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session != s {
		return false
	}
	s.parts.Add(1)
	return true
}

// beat returns the first moment after t at which all accounts on the node do what
// they do once in every period: together they wake the machine once, and each
// node has moments of its own.
func (s *session) beat(t time.Time, period time.Duration) time.Time {
	id := s.node.ID()
	phase := int64(binary.BigEndian.Uint32(id[:]))
	return t.Add(period - time.Duration((t.UnixNano()-phase)%int64(period)))
}

// enter waits for the place of one more expensive job of the account; leave gives
// it back.
func enter(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func leave(places chan struct{}) { <-places }

// publish puts the certificate where others look for it, for the time of the session,
// and tries until it is there. It reports false when the session ends before.
func (s *session) publish() bool {
	a := s.account
	for failures := 0; ; failures++ {
		_, err := s.node.Publish(s.ctx, a.self)
		if err == nil {
			return true
		}
		a.log.Debug("certificate not published yet", "err", err)
		if !pause(s.ctx, backoff(failures)) {
			return false
		}
	}
}

// watchConnection keeps the state at that of the node, and announces the device
// again after the network was lost. All accounts on the node look at the same time,
// and not at every change: the network may be lost for a moment.
func (s *session) watchConnection() {
	a := s.account
	status, online := dht.Connected, true
	for {
		if _, err := s.node.WaitStatus(s.ctx, status); err != nil {
			return
		}
		if !pause(s.ctx, time.Until(s.beat(time.Now(), statusPoll))) {
			return
		}
		status = s.node.Status()
		now := status != dht.Disconnected
		if now == online {
			continue
		}
		online = now
		s.input(func(now time.Time) {
			if !online {
				a.setStateLocked(Trying)
				return
			}
			a.setStateLocked(Registered)
			a.networkChangedLocked(now)
		})
	}
}

// mail takes what is put into the inbox of the device.
func (s *session) mail(event dht.Event) {
	if !event.Expired {
		s.received(event.Value)
	}
}

// ownValue takes what is put at the id of the account itself.
func (s *session) ownValue(event dht.Event) {
	a := s.account
	if event.Expired {
		return
	}
	if d, err := identity.ParseAnnouncement(event.Value, a.id); err == nil && len(d.PublicKey) > 0 {
		stamp := presence.ReadStamp(event.Value.Data)
		s.input(func(now time.Time) {
			if d.Device == a.device.ID() {
				a.announcer.Shown(now, stamp)
			}
		})
		s.parts.Go(func() { s.ownDevice(d) })
	} else if !event.Value.Signed() {
		a.foundRevocationList(a.id, event.Value)
	}
}
