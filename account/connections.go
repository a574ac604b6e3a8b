package account

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"rollcall/channel"
	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/peer"
	"rollcall/presence"
)

// Connections describes how a device is connected with those of contacts. The
// zero Connections connects over the addresses of this host.
type Connections struct {
	// Strangers lets devices connect that belong to no contact.
	Strangers bool
	// Addrs, Gather, Listen and Dial are those of [peer.Config].
	Addrs  func() []netip.Addr
	Gather func(context.Context, *ice.Agent) (met func(signaling.Description))
	Listen func(context.Context, netip.AddrPort) (net.Listener, error)
	Dial   func(context.Context, netip.AddrPort) (net.Conn, error)
}

// Connections returns the state of the present connections, the oldest first.
func (a *Account) Connections() []peer.Info {
	a.mu.Lock()
	peers := a.peers
	a.mu.Unlock()
	if peers == nil {
		return nil
	}
	conns := peers.Conns()
	infos := make([]peer.Info, len(conns))
	for i, c := range conns {
		infos[i] = c.Info()
	}
	return infos
}

// SetStrangers lets devices connect that belong to no contact, or not any more.
func (a *Account) SetStrangers(welcome bool) {
	a.mu.Lock()
	a.strangers = welcome
	peers := a.peers
	a.mu.Unlock()
	if peers != nil && !welcome {
		peers.Review()
	}
}

// connect opens connections for the session while the account is visible: by its
// requests, and by answering, a device tells that it is there.
func (s *session) connect() {
	a := s.account
	if a.cfg.Connections == nil {
		return
	}
	for s.ctx.Err() == nil {
		if a.waitVisible(s.ctx, true) != nil {
			return
		}
		peers, err := s.openPeers()
		if err != nil {
			a.log.Error("no connections", "err", err)
			return
		}
		_ = a.waitVisible(s.ctx, false) // or for the end
		a.mu.Lock()
		a.peers = nil
		a.mu.Unlock()
		peers.Close()
	}
}

// openPeers begins to connect to those who are there already.
func (s *session) openPeers() (*peer.Peers, error) {
	a, cfg := s.account, s.account.cfg.Connections
	peers, err := peer.Open(peer.Config{
		Node: s.node, Device: a.device, Identity: a.self,
		Standing:    a.standing,
		Verify:      a.verify,
		FindAccount: s.owner,
		Treat: func(device value.LongID, id uint64) (bool, error) {
			return a.cfg.Cache.Treat(a.id, device, id)
		},
		Incoming: a.incoming, Notify: s.connectionEvent,
		Addrs: cfg.Addrs, Gather: cfg.Gather, Listen: cfg.Listen, Dial: cfg.Dial,
		Logger: a.log,
	})
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peers = peers
	for _, account := range a.tracker.Accounts(false) {
		a.wantAllLocked(account)
	}
	return peers, nil
}

// waitVisible waits until the device announces itself, or does not.
func (a *Account) waitVisible(ctx context.Context, visible bool) error {
	for {
		a.mu.Lock()
		is, change := !a.cfg.Invisible, a.visibility
		a.mu.Unlock()
		if is == visible {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// standing tells who may connect.
func (a *Account) standing(account infohash.Hash, _ value.LongID) peer.Standing {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, _ := a.list.Contact(account)
	switch {
	case account == a.id:
		return peer.Own
	case c.Banned:
		return peer.Unwelcome
	case c.Active():
		return peer.Contact
	case a.strangers:
		return peer.Stranger
	}
	return peer.Unwelcome
}

// connectionEvent makes channels by which people talk count as presence.
func (s *session) connectionEvent(e peer.Event) {
	a := s.account
	switch e := e.(type) {
	case peer.Connected:
		a.talk.Connected(e.Conn)
	case peer.Disconnected:
		a.talk.Disconnected(e.Conn)
		s.input(a.announcer.Doubted)
	case peer.ChannelOpened:
		if peer.Talk(e.Name) && e.Conn.Account() != a.id {
			s.input(func(now time.Time) { a.tracker.ChannelUp(now, e.Conn.Account(), e.Conn.DeviceID()) })
		}
	case peer.ChannelClosed:
		if peer.Talk(e.Name) && e.Conn.Account() != a.id {
			left := s.left(e.Reason)
			s.input(func(now time.Time) { a.tracker.ChannelDown(now, e.Conn.Account(), e.Conn.DeviceID(), left) })
		}
	}
}

// left reports whether the end of a channel means that the device is gone. A
// silent one may be there, if it is our network that is not.
func (s *session) left(r channel.Reason) bool {
	return errors.Is(r, channel.StreamEnd) || errors.Is(r, channel.Silent) && s.node.Status() == dht.Connected
}

// connectLocked connects to a device that is announced, if it is that of a contact
// who wants it too, and knows that we do.
func (a *Account) connectLocked(account infohash.Hash, key []byte, verdict presence.Verdict) {
	if a.peers == nil || verdict != presence.Genuine {
		return
	}
	if _, answering := a.answering[account]; answering {
		a.answering[account] = true
		return
	}
	if c, _ := a.list.Contact(account); c.Active() && c.Confirmed {
		a.peers.Want(peer.Device{Account: account, Key: key})
	}
}

// wantAllLocked connects to all devices of an account that are announced.
func (a *Account) wantAllLocked(account infohash.Hash) {
	view, _ := a.tracker.View(account)
	for _, d := range view.Devices {
		a.connectLocked(account, d.Key, d.Verdict)
	}
}

// unwantLocked gives the devices of an account up.
func (a *Account) unwantLocked(account infohash.Hash) {
	if a.peers == nil {
		return
	}
	a.peers.GiveUp(account)
	a.peers.Review(account)
}

// review closes connections with an account that are not permitted any more.
func (a *Account) review(account infohash.Hash) {
	a.mu.Lock()
	peers := a.peers
	a.mu.Unlock()
	if peers != nil {
		peers.Review(account)
	}
}
