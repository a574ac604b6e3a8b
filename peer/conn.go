package peer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rollcall/channel"
	"rollcall/channel/stream"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/ice/signaling"
	"rollcall/identity"
	"rollcall/peer/internal/plan"
)

// Conn is a connection with a device whose certificate was verified. It is safe
// for concurrent use.
type Conn struct {
	peers    *Peers
	id       plan.ConnID
	account  infohash.Hash
	chain    identity.Chain
	stranger bool
	info     Info   // what does not change
	release  func() // of what was gathered for it
	ready    chan struct{}
	mux      *stream.Mux // set when ready is closed

	mu   sync.Mutex
	open []openChannel // in the order in which they were opened
}

// openChannel is a channel of a connection and since when it is one.
type openChannel struct {
	*stream.Channel
	since time.Time
}

// Account returns the account of the peer: that which issued the certificate of
// its device.
func (c *Conn) Account() infohash.Hash { return c.account }

// Device returns the long id of the peer's device.
func (c *Conn) Device() value.LongID { return c.info.Device }

// DeviceID returns the short id of the peer's device.
func (c *Conn) DeviceID() infohash.Hash { return c.chain.Leaf().ID() }

// Open asks the peer for a channel and waits for its answer. The error wraps
// [channel.Declined] when the peer does not want it. The caller closes the
// channel. A single Write of up to [channel.MaxPayload] bytes is a single frame.
func (c *Conn) Open(ctx context.Context, name string) (net.Conn, error) {
	ch, err := c.mux.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return ch, nil
}

// Beacon asks the peer for a sign of life: a connection that is dead ends within
// seconds.
func (c *Conn) Beacon() { c.mux.Beacon() }

// Done is closed at the end of the connection.
func (c *Conn) Done() <-chan struct{} { return c.mux.Done() }

// LocalAddr returns our address of the connection.
func (c *Conn) LocalAddr() netip.AddrPort { return c.info.Local }

// RemoteAddr returns the address of the peer.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.info.Remote }

// Close ends the connection and all its channels.
func (c *Conn) Close() error { return c.mux.Close() }

// Info is the state of a connection, for those who look at it.
type Info struct {
	ID            uint64 // among the connections of the account
	Account       infohash.Hash
	Device        value.LongID
	Local, Remote netip.AddrPort
	Relayed       bool
	Ours, Theirs  signaling.Type // of the candidates by which it came about
	Asked         bool           // we asked for the connection, not the peer
	Since         time.Time      // when it stood
	SetUp         time.Duration  // how long that took, from the request or from when it came
	Cipher        string         // of TLS
	BytesIn       uint64         // within TLS
	BytesOut      uint64
	Declined      uint64        // channels that the peer has asked for and not got
	Channels      []ChannelInfo // open, in the order in which they were opened
}

// ChannelInfo is the state of an open channel.
type ChannelInfo struct {
	Number   uint16 // on its connection
	Name     string
	Since    time.Time
	BytesIn  uint64
	BytesOut uint64
}

// Info returns the state of the connection.
func (c *Conn) Info() Info {
	info := c.info
	stats := c.mux.Stats()
	info.ID = uint64(c.id)
	info.BytesIn, info.BytesOut, info.Declined = stats.BytesIn, stats.BytesOut, 0
	for _, why := range []channel.Reason{channel.Refused, channel.Taken, channel.TooLong, channel.TooMany} {
		info.Declined += stats.Ends[why]
	}
	c.mu.Lock()
	open := slices.Clone(c.open)
	c.mu.Unlock() // before the lock of the mux, which is taken first
	for _, ch := range open {
		in, out := ch.Bytes()
		info.Channels = append(info.Channels, ChannelInfo{ch.Number(), ch.Name(), ch.since, in, out})
	}
	return info
}

// admit makes a connection of a stream to a device that was verified, unless its
// account is not welcome. request is that of our attempt, 0 when the device asked.
func (p *Peers) admit(s *secured, request uint64) error {
	c := &Conn{
		peers: p, account: s.info.Account, chain: s.chain, info: s.info, release: s.release,
		ready: make(chan struct{}),
	}
	standing := p.cfg.Standing(c.account, c.Device())
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return ErrClosed
	case standing == Unwelcome, standing == Stranger && p.countLocked(isStranger) >= maxStrangers:
		return errUnwelcome
	case p.countLocked(func(other *Conn) bool { return other.account == c.account }) >= maxConnsOfOne:
		return errCrowded
	}
	p.stats.Connected++
	p.lastConn++
	c.id, c.stranger = p.lastConn, standing == Stranger
	p.conns[c.id] = c
	c.mux = stream.New(s.stream, stream.Config{
		Client: s.client, Incoming: c.incoming, Opened: c.opened, Closed: c.closed,
		Ended: func() { p.wg.Go(c.end) },
	})
	p.events.Put(Connected{c}) // before any channel
	close(c.ready)
	now := time.Now()
	p.plan.Up(now, c.Device(), c.id, request)
	p.drainLocked(now)
	p.log.Debug("connected", "peer", c.account, "device", c.Device(), "remote", c.info.Remote, "after", c.info.SetUp)
	return nil
}

func isStranger(c *Conn) bool { return c.stranger }

// countLocked returns how many connections match.
func (p *Peers) countLocked(match func(*Conn) bool) int {
	n := 0
	for _, c := range p.conns {
		if match(c) {
			n++
		}
	}
	return n
}

// end cleans up at the end of the connection.
func (c *Conn) end() {
	<-c.ready
	c.mux.Close()
	c.release()
	reason := channel.Local
	errors.As(c.mux.Err(), &reason)
	p := c.peers
	p.log.Debug("disconnected", "peer", c.account, "device", c.Device(), "reason", reason)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c.id)
	p.events.Put(Disconnected{c, reason})
	if p.closed {
		return
	}
	now := time.Now()
	p.plan.Down(now, c.Device(), c.id, reason == channel.Silent)
	p.drainLocked(now)
}

// incoming decides about a channel. It is called with a lock of the mux held.
func (c *Conn) incoming(name string) func(*stream.Channel) {
	<-c.ready
	if c.peers.cfg.Incoming == nil {
		return nil
	}
	serve := c.peers.cfg.Incoming(c, name)
	if serve == nil {
		c.peers.log.Debug("channel declined", "device", c.Device(), "name", name)
		return nil
	}
	return func(ch *stream.Channel) {
		if !c.peers.goWhileOpen(func() { serve(ch) }) {
			ch.Close()
		}
	}
}

// opened and closed are called with a lock of the mux held.
func (c *Conn) opened(ch *stream.Channel) {
	c.mu.Lock()
	c.open = append(c.open, openChannel{ch, time.Now()})
	c.mu.Unlock()
	c.peers.events.Put(ChannelOpened{c, ch.Name()})
}

func (c *Conn) closed(ch *stream.Channel, why channel.Reason) {
	c.mu.Lock()
	c.open = slices.DeleteFunc(c.open, func(o openChannel) bool { return o.Channel == ch })
	c.mu.Unlock()
	c.peers.events.Put(ChannelClosed{c, ch.Name(), why})
}
