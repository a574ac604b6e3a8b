// Package exchange decides what connected devices tell each other: presence notes
// and texts, over which channel, once.
//
// A device gets one channel for records ("msg:") and one for SIP, unless it has
// opened them itself. What is for it goes as a record where such a channel is
// open, else as a SIP MESSAGE: a text always, a note only to those who are known
// to want it so.
//
// Source: peer spec 5 to 7; presence spec 5.
package exchange

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"rollcall/channel/message"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/allowance"
	"rollcall/sip"
)

// ConnID names a connection, ChannelID a channel of one. The driver chooses both
// and uses none again.
type (
	ConnID    uint64
	ChannelID uint64
)

// Kind is what a channel carries.
type Kind uint8

// The kinds.
const (
	Records Kind = iota // package message
	SIP                 // package sip
	kinds
)

func (k Kind) String() string { return [...]string{"records", "sip"}[k] }

// Config describes an exchange.
type Config struct {
	// Account and Device are ours.
	Account infohash.Hash
	Device  value.LongID
	// Contact tells whether an account is a contact: only contacts are asked for
	// channels, and get our note.
	Contact func(infohash.Hash) bool
}

// Exchange is all that one account tells and is told. It is not safe for
// concurrent use and never blocks. Its owner carries out the effects, in order,
// and calls Tick at NextDeadline.
type Exchange struct {
	cfg      Config
	rng      *rand.Rand
	devices  []*device // that are connected, in the order of their coming
	conns    map[ConnID]*conn
	channels map[ChannelID]*channel

	note     Note
	version  uint64 // of note; 0 = there was none yet
	bySIP    bool   // notes go by SIP to whoever takes no records
	texts    []*text
	pending  int               // bytes of them
	statuses map[uint64]Status // of the latest texts, by id
	latest   []uint64          // their ids, the oldest first
	seen     seen
	next     time.Time // see NextDeadline
	counters Counters
	effects  []Effect
}

// device is a device with at least one connection.
type device struct {
	account infohash.Hash
	id      value.LongID
	conns   []*conn // the newest last

	noted   uint64 // the version of our note that it has, 0 = none
	notedBy *conn  // the connection by which it was sent
	noteID  uint64 // the id of the last message with a note, 0 = there was none
	noteFor uint64 // the version that it was about
	wants   bool   // it has sent a note by SIP itself

	told *allowance.Allowance // of messages that are told, shared by the devices of its account
}

// conn is a connection with a device.
type conn struct {
	id            ConnID
	device        *device
	local, remote netip.AddrPort
	channels      []*channel // in the order in which they were opened
	asks          [kinds]ask
}

// ask is how it stands with a channel of ours.
type ask struct {
	at      time.Time     // not before
	wait    time.Duration // the next wait after one was closed
	under   bool          // asked for and not answered
	refused bool
}

// channel is an open channel.
type channel struct {
	id         ChannelID
	conn       *conn
	kind       Kind
	records    message.Decoder
	sip        sip.Decoder
	unanswered []transaction
}

// New returns an exchange without a note. rng draws the ids of messages.
func New(cfg Config, rng *rand.Rand) *Exchange {
	return &Exchange{
		cfg: cfg, rng: rng,
		conns: make(map[ConnID]*conn), channels: make(map[ChannelID]*channel), statuses: make(map[uint64]Status),
	}
}

// Counters count what was not told.
type Counters struct {
	Repeated  uint64 // messages known by their ids
	Malformed uint64 // channels closed for what came by them
	Excess    uint64 // messages beyond the rate
	Ignored   uint64 // messages of a type for nobody here
}

// Add adds the counts of another exchange.
func (c *Counters) Add(o Counters) {
	c.Repeated += o.Repeated
	c.Malformed += o.Malformed
	c.Excess += o.Excess
	c.Ignored += o.Ignored
}

// Counters returns the counts so far.
func (x *Exchange) Counters() Counters { return x.counters }

// Connected tells of a connection with a device of an account, which may have
// several. The addresses may be zero.
func (x *Exchange) Connected(now time.Time, id ConnID, account infohash.Hash, dev value.LongID, local, remote netip.AddrPort) {
	d := x.device(account, dev)
	if d == nil {
		d = &device{account: account, id: dev, told: x.allowed(account)}
		x.devices = append(x.devices, d)
	}
	wait := grace
	if slices.Compare(x.cfg.Device[:], dev[:]) < 0 {
		wait /= 2
	}
	c := &conn{id: id, device: d, local: local, remote: remote}
	for k := range c.asks {
		c.asks[k] = ask{at: now.Add(wait), wait: reopenAfter}
	}
	d.conns = append(d.conns, c)
	x.conns[id] = c
	x.review(now, d)
}

// Disconnected tells of the end of a connection, and of all its channels.
func (x *Exchange) Disconnected(now time.Time, id ConnID) {
	c := x.conns[id]
	if c == nil {
		return
	}
	delete(x.conns, id)
	for len(c.channels) > 0 {
		x.drop(c.channels[0])
	}
	d := c.device
	d.conns = slices.DeleteFunc(d.conns, func(other *conn) bool { return other == c })
	if len(d.conns) == 0 {
		x.devices = slices.DeleteFunc(x.devices, func(other *device) bool { return other == d })
		return
	}
	if d.notedBy == c {
		d.noted, d.notedBy = 0, nil // it may have been lost with the connection
	}
	x.review(now, d)
}

// Opened tells of a channel, whichever side has asked for it. If the result is
// false there are too many of them, and the driver closes it.
func (x *Exchange) Opened(now time.Time, id ConnID, ch ChannelID, kind Kind) bool {
	c := x.conns[id]
	if c == nil || len(c.channels) >= maxChannels {
		return false
	}
	c.asks[kind].under = false
	x.channels[ch] = &channel{id: ch, conn: c, kind: kind}
	c.channels = append(c.channels, x.channels[ch])
	x.review(now, c.device)
	return true
}

// Refused tells that a channel that was asked for did not come.
func (x *Exchange) Refused(now time.Time, id ConnID, kind Kind) {
	if c := x.conns[id]; c != nil {
		c.asks[kind].under, c.asks[kind].refused = false, true
		x.review(now, c.device)
	}
}

// Closed tells of the end of a channel.
func (x *Exchange) Closed(now time.Time, id ChannelID) {
	if ch := x.channels[id]; ch != nil {
		x.closed(now, ch)
	}
}

// closed forgets a channel, and when to ask for another.
func (x *Exchange) closed(now time.Time, ch *channel) {
	x.drop(ch)
	a := &ch.conn.asks[ch.kind]
	a.at = now.Add(a.wait)
	a.wait = min(2*a.wait, maxReopen)
	x.review(now, ch.conn.device)
}

// drop forgets a channel. What was not answered on it goes again by another.
func (x *Exchange) drop(ch *channel) {
	for _, t := range ch.unanswered {
		x.undo(ch.conn.device, t)
	}
	delete(x.channels, ch.id)
	ch.conn.channels = slices.DeleteFunc(ch.conn.channels, func(other *channel) bool { return other == ch })
}

// Tick does what is due at now.
func (x *Exchange) Tick(now time.Time) {
	x.next = time.Time{}
	x.expire(now)
	for _, d := range slices.Clone(x.devices) {
		x.timeOut(now, d)
		x.review(now, d)
	}
	x.wake(x.note.Until)
	for _, t := range x.texts {
		x.wake(t.until)
	}
}

// NextDeadline reports when Tick must be called next; zero means never. It may be
// earlier than there is something to do: what was awaited may have come.
func (x *Exchange) NextDeadline() time.Time { return x.next }

// wake makes Tick be called at a time, zero is never.
func (x *Exchange) wake(at time.Time) { x.next = earlier(x.next, at) }

// wakeFor makes Tick be called when something of a device is due.
func (x *Exchange) wakeFor(d *device) {
	for k := range kinds {
		if c := x.asker(d, k); c != nil {
			x.wake(c.asks[k].at)
		}
	}
	for _, c := range d.conns {
		for _, ch := range c.channels {
			if len(ch.unanswered) > 0 {
				x.wake(ch.unanswered[0].until) // the others are later
			}
		}
	}
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Effects appends the pending effects to dst and forgets them, in order.
func (x *Exchange) Effects(dst []Effect) []Effect {
	dst = append(dst, x.effects...)
	clear(x.effects)
	x.effects = x.effects[:0]
	return dst
}

// allowed returns what is left to an account.
func (x *Exchange) allowed(account infohash.Hash) *allowance.Allowance {
	for _, d := range x.devices {
		if d.account == account {
			return d.told
		}
	}
	return new(allowance.Allowance)
}

func (x *Exchange) emit(e Effect) { x.effects = append(x.effects, e) }

func (x *Exchange) device(account infohash.Hash, id value.LongID) *device {
	for _, d := range x.devices {
		if d.id == id && d.account == account {
			return d
		}
	}
	return nil
}
