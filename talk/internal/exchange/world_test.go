package exchange

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/channel/message"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/sip"
)

// latency is that of all connections of a world.
const latency = 10 * time.Millisecond

// peer is one end of connections: an exchange, or a daemon of another kind.
type peer interface {
	connected(w *world, c *link)
	disconnected(w *world, c *link)
	wants(k Kind) bool
	opened(w *world, c *link, ch ChannelID, k Kind)
	closed(w *world, ch ChannelID)
	received(w *world, ch ChannelID, data []byte)
}

// world runs peers over perfect connections in time of its own. What happens to
// people is in log.
type world struct {
	now   time.Time
	queue []delivery
	links map[ConnID]*link
	lines map[ChannelID]*line
	last  uint64
	rng   *rand.Rand
	log   []string
	all   []*party
}

type delivery struct {
	at time.Time
	do func()
}

// link is a connection, line a channel of one.
type link struct {
	id   ConnID
	ends [2]peer
	dead bool
}

type line struct {
	link *link
	kind Kind
	dead bool
}

func newWorld() *world {
	return &world{
		now: time.Unix(1_800_000_000, 0), links: make(map[ConnID]*link), lines: make(map[ChannelID]*line),
		rng: rand.New(rand.NewPCG(1, 2)),
	}
}

func (w *world) later(d time.Duration, do func()) {
	w.queue = append(w.queue, delivery{w.now.Add(d), do})
	slices.SortStableFunc(w.queue, func(a, b delivery) int { return a.at.Compare(b.at) })
}

// run lets a time pass.
func (w *world) run(d time.Duration) {
	for end := w.now.Add(d); ; {
		next := end
		var do func()
		if len(w.queue) > 0 && w.queue[0].at.Before(end) {
			next, do = w.queue[0].at, w.queue[0].do
		}
		var due *party
		for _, p := range w.all {
			if at := p.x.NextDeadline(); !at.IsZero() && at.Before(next) {
				next, do, due = at, nil, p
			}
		}
		w.now = next
		switch {
		case due != nil:
			due.x.Tick(w.now)
			due.settle(w)
		case do != nil:
			w.queue = w.queue[1:]
			do()
		default:
			return
		}
	}
}

// connect connects two peers; one of them tells of it first.
func (w *world) connect(a, b peer) *link {
	w.last++
	c := &link{id: ConnID(w.last), ends: [2]peer{a, b}}
	w.links[c.id] = c
	for _, end := range c.ends {
		end.connected(w, c)
	}
	return c
}

// cut ends a connection; what is under way is lost.
func (w *world) cut(c *link) {
	if c.dead {
		return
	}
	c.dead = true
	for _, end := range c.ends {
		end.disconnected(w, c)
	}
}

func (c *link) other(p peer) peer {
	if c.ends[0] == p {
		return c.ends[1]
	}
	return c.ends[0]
}

// ask opens a channel, if the other end wants it.
func (w *world) ask(p peer, c *link, k Kind, refused func()) {
	w.later(latency, func() {
		other := c.other(p)
		if c.dead {
			return
		}
		if !other.wants(k) {
			w.later(latency, refused)
			return
		}
		w.last++
		ch := ChannelID(w.last)
		w.lines[ch] = &line{link: c, kind: k}
		w.later(latency, func() { // before what comes by the channel
			if !c.dead {
				p.opened(w, c, ch, k)
			}
		})
		other.opened(w, c, ch, k)
	})
}

// write delivers data to the other end of a channel.
func (w *world) write(p peer, ch ChannelID, data []byte) {
	l := w.lines[ch]
	w.later(latency, func() {
		if !l.dead && !l.link.dead {
			l.link.other(p).received(w, ch, data)
		}
	})
}

func (w *world) hangUp(p peer, ch ChannelID) {
	l := w.lines[ch]
	w.later(latency, func() {
		if !l.dead && !l.link.dead {
			l.dead = true
			l.link.other(p).closed(w, ch)
		}
	})
}

// took returns what happened since it was called the last time.
func (w *world) took() []string {
	log := w.log
	w.log = nil
	return log
}

func (w *world) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := w.took(); !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// party is a peer that is an exchange.
type party struct {
	name    string
	account infohash.Hash
	device  value.LongID
	x       *Exchange
}

func (w *world) party(name string, contacts bool) *party {
	p := &party{name: name, account: infohash.SumString(name)}
	copy(p.device[:], name)
	p.x = New(Config{p.account, p.device, func(infohash.Hash) bool { return contacts }}, rand.New(rand.NewPCG(w.rng.Uint64(), 1)))
	w.all = append(w.all, p)
	return p
}

var somewhere = netip.MustParseAddrPort("192.0.2.1:4")

func (p *party) connected(w *world, c *link) {
	account, device := infohash.SumString("daemon"), value.LongID{255}
	if other, ok := c.other(p).(*party); ok {
		account, device = other.account, other.device
	}
	p.x.Connected(w.now, c.id, account, device, somewhere, somewhere)
	p.settle(w)
}

func (p *party) disconnected(w *world, c *link) {
	p.x.Disconnected(w.now, c.id)
	p.settle(w)
}

func (p *party) wants(Kind) bool { return true }

func (p *party) opened(w *world, c *link, ch ChannelID, k Kind) {
	if !p.x.Opened(w.now, c.id, ch, k) {
		w.log = append(w.log, p.name+" closes one channel too many")
		w.hangUp(p, ch)
	}
	p.settle(w)
}

func (p *party) closed(w *world, ch ChannelID) {
	p.x.Closed(w.now, ch)
	p.settle(w)
}

func (p *party) received(w *world, ch ChannelID, data []byte) {
	p.x.Received(w.now, ch, data)
	p.settle(w)
}

// settle carries out what the exchange wants.
func (p *party) settle(w *world) {
	say := func(format string, args ...any) {
		w.log = append(w.log, p.name+" "+fmt.Sprintf(format, args...))
	}
	for _, e := range p.x.Effects(nil) {
		switch e := e.(type) {
		case Ask:
			say("asks for %v", e.Kind)
			w.ask(p, w.links[e.Conn], e.Kind, func() {
				p.x.Refused(w.now, e.Conn, e.Kind)
				p.settle(w)
			})
		case Write:
			w.write(p, e.Channel, e.Data)
		case Close:
			say("closes a channel: %v", e.Reason)
			w.hangUp(p, e.Channel)
		case Seek:
			say("looks for somebody")
		case NoteReceived:
			say("sees the note %q", e.Text)
		case TextReceived:
			say("gets %q", e.Content)
		case TextChanged:
			say("has a text that is %v", e.Status)
		case NoteExpired:
			say("has no note any more")
		}
	}
}

// daemon is a peer of another kind, as seen from outside (peer spec 0).
type daemon struct {
	records, sip bool // the channels that it wants
	opens        bool // it opens one for records at once, as in 2026
	silent       bool // it answers no SIP
	note         string
	copies       int // of its note that it writes, all with one id
	decoder      sip.Decoder
	records2     message.Decoder
	channels     map[ChannelID]Kind
}

func (d *daemon) connected(w *world, c *link) {
	d.channels = make(map[ChannelID]Kind)
	if d.opens {
		w.ask(d, c, Records, func() {})
	}
}

func (d *daemon) disconnected(*world, *link) {}

func (d *daemon) wants(k Kind) bool { return k == Records && d.records || k == SIP && d.sip }

func (d *daemon) opened(w *world, _ *link, ch ChannelID, k Kind) {
	w.log = append(w.log, fmt.Sprintf("daemon has a channel for %v", k))
	d.channels[ch] = k
	for range d.copies {
		d.say(w, ch, 77, "application/pidf+xml", "<basic>"+d.note+"</basic>")
	}
}

// say writes a message in the form of the channel.
func (d *daemon) say(w *world, ch ChannelID, id uint64, media, content string) {
	if d.channels[ch] == Records {
		w.write(d, ch, message.Record{ID: id, Type: media, Content: content}.Append(nil))
		return
	}
	m := sip.Outgoing{Branch: "b", Tag: "t", CallID: "c", ID: id, Type: media, Body: []byte(content)}
	w.write(d, ch, m.Append(nil))
}

func (d *daemon) closed(w *world, ch ChannelID) {
	w.log = append(w.log, fmt.Sprintf("daemon lost a channel for %v", d.channels[ch]))
	delete(d.channels, ch)
}

func (d *daemon) received(w *world, ch ChannelID, data []byte) {
	if d.channels[ch] == Records {
		d.records2.Feed(data)
		for r, ok, _ := d.records2.Next(); ok; r, ok, _ = d.records2.Next() {
			w.log = append(w.log, fmt.Sprintf("daemon got a record %s %s", r.Type, short(r.Content)))
		}
		return
	}
	d.decoder.Feed(data)
	for m, ok, _ := d.decoder.Next(); ok; m, ok, _ = d.decoder.Next() {
		if m.Method == "" {
			w.log = append(w.log, fmt.Sprintf("daemon is answered %d", m.Status))
			continue
		}
		w.log = append(w.log, fmt.Sprintf("daemon got a %s %s %s", m.Method, m.ContentType(), short(string(m.Body))))
		if !d.silent {
			w.write(d, ch, sip.AppendAnswer(nil, &m, sip.StatusOK, "x"))
		}
	}
}

// short shows of a presence document its note.
func short(content string) string {
	if _, rest, ok := strings.Cut(content, "<basic>"); ok {
		content, _, _ = strings.Cut(rest, "</basic>")
	}
	return content
}
