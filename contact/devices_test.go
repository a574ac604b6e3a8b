package contact

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
)

// ownDevice is one of the devices of an account, with a clock of its own and a
// disk to start from again.
type ownDevice struct {
	name  string
	skew  time.Duration
	list  *List
	disk  *disk
	shown map[Digest]bool // requests that were shown and not evicted
}

// household is three devices of one account in any interleaving of what can
// happen to them.
type household struct {
	rt      *rapid.T
	now     time.Time
	devices []*ownDevice
	peers   []infohash.Hash
	decided []Entry // what users decided, with its stamp
}

func newHousehold(rt *rapid.T) *household {
	h := &household{rt: rt, now: start, peers: []infohash.Hash{named("bob"), named("carol")}}
	for _, name := range []string{"desktop", "laptop", "phone"} {
		d := &ownDevice{name: name, disk: newDisk(), shown: make(map[Digest]bool)}
		d.skew = time.Duration(rapid.Int64Range(-1_200_000, 1_200_000).Draw(rt, "skew of "+name)) * time.Millisecond
		h.devices = append(h.devices, d)
		h.boot(d)
	}
	return h
}

func (h *household) boot(d *ownDevice) {
	d.list = New(h.clock(d), named("me"), d.disk.snapshot(), rand.New(rand.NewPCG(1, 2)))
}

func (h *household) clock(d *ownDevice) time.Time { return h.now.Add(d.skew) }

func (h *household) device() *ownDevice { return rapid.SampledFrom(h.devices).Draw(h.rt, "device") }

func (h *household) peer() infohash.Hash { return rapid.SampledFrom(h.peers).Draw(h.rt, "peer") }

// settle applies the effects of one input to the disk of a device and checks
// them.
func (h *household) settle(d *ownDevice) (changed bool) {
	effects := d.list.Effects(nil)
	d.disk.apply(effects)
	for _, e := range effects {
		switch e := e.(type) {
		case SaveContact:
			changed = true
			if e.Cause == ByUser {
				h.decided = append(h.decided, Entry{e.Peer, e.Contact.Record})
			}
		case RequestReceived:
			if d.shown[e.Request.Digest] {
				h.rt.Fatalf("%s shows a request again: %+v", d.name, e.Request)
			}
			d.shown[e.Request.Digest] = true
		case Put:
			stored, ok := d.disk.outgoing[messageKey{e.Ref.Peer, e.Ref.Kind}]
			if i, found := stored.find(e.Ref.Device); !ok || !found || stored.Deliveries[i].ValueID != e.Ref.ValueID {
				h.rt.Fatalf("%s puts what it has not saved", d.name)
			}
		}
	}
	h.check(d)
	return changed
}

// check holds a device to what is true after every input.
func (h *household) check(d *ownDevice) {
	for _, peer := range h.peers {
		c, _ := d.list.Contact(peer)
		if _, pending := d.list.Request(peer); pending && c.Listed() {
			h.rt.Fatalf("%s: %s asks and is in the list: %+v", d.name, peer.Short(), c)
		}
		if c.Record != c.normal() {
			h.rt.Fatalf("%s has %+v", d.name, c)
		}
		for _, kind := range []Kind{Ask, Answer} {
			if d.list.outbox.messages[messageKey{peer, kind}] != nil && !c.Active() {
				h.rt.Fatalf("%s sends a %s to no contact", d.name, kind)
			}
		}
	}
	again := New(h.clock(d), named("me"), d.disk.snapshot(), rand.New(rand.NewPCG(1, 2)))
	if !maps.Equal(again.contacts, d.list.contacts) || !reflect.DeepEqual(again.Requests(), d.list.Requests()) ||
		len(again.outbox.messages) != len(d.list.outbox.messages) {
		h.rt.Fatalf("%s would start with another state than it has", d.name)
	}
}

// sync sends the list of one device to another, over the wire.
func (h *household) sync(from, to *ownDevice, coarse bool) bool {
	entries := from.list.Contacts()
	requests := from.list.Requests()
	for i := range requests {
		requests[i].Payload = nil
	}
	if coarse { // like a device that knows only seconds
		for i := range entries {
			r := &entries[i].Record
			r.Added, r.Removed = r.Added/msPerSecond*msPerSecond, r.Removed/msPerSecond*msPerSecond
		}
	}
	contacts, _, err := ParseContacts(AppendContacts(nil, entries))
	if err != nil {
		h.rt.Fatal(err)
	}
	pending, _, err := ParseRequests(AppendRequests(nil, requests))
	if err != nil {
		h.rt.Fatal(err)
	}
	if refused := to.list.Sync(h.clock(to), named(from.name), contacts, pending); refused > 0 {
		h.rt.Fatalf("%s refuses %d contacts of %s", to.name, refused, from.name)
	}
	return h.settle(to)
}

// receive delivers a message of a peer to one device.
func (h *household) receive(d *ownDevice, confirm bool) {
	m := Message{From: h.peer(), Device: named("their phone"), Confirm: confirm}
	if !confirm {
		m.ConversationID = rapid.SampledFrom([]string{"", "aa", "bb"}).Draw(h.rt, "conversation")
		m.Payload = []byte(rapid.SampledFrom([]string{"", "hi"}).Draw(h.rt, "payload"))
		if rapid.Bool().Draw(h.rt, "dated") {
			m.Invited = start.UnixMilli() + rapid.Int64Range(0, 5).Draw(h.rt, "invited")*60_000
		}
	}
	before, _ := d.list.Contact(m.From)
	outcome := d.list.Receive(h.clock(d), m)
	after, _ := d.list.Contact(m.From)
	if confirm && !before.Asked && before.Record != after.Record {
		h.rt.Fatalf("%s: a confirm that nobody asked for changed %+v to %+v", d.name, before, after)
	}
	if after.Active() != before.Active() || after.Banned != before.Banned {
		h.rt.Fatalf("%s: a message (%s) changed %+v to %+v", d.name, outcome, before, after)
	}
	h.settle(d)
}

func (h *household) step() {
	d := h.device()
	switch rapid.IntRange(0, 11).Draw(h.rt, "input") {
	case 0:
		_, _ = d.list.Add(h.clock(d), h.peer())
	case 1:
		_, _ = d.list.Remove(h.clock(d), h.peer(), false)
	case 2:
		_, _ = d.list.Remove(h.clock(d), h.peer(), true)
	case 3:
		_, _ = d.list.Accept(h.clock(d), h.peer())
	case 4:
		d.list.Discard(h.clock(d), h.peer())
	case 5:
		if err := d.list.Send(h.clock(d), h.peer(), []byte("hi")); err != nil {
			h.rt.Fatal(err)
		}
	case 6:
		h.receive(d, false)
	case 7:
		h.receive(d, true)
	case 8:
		h.sync(h.device(), d, rapid.Bool().Draw(h.rt, "coarse"))
	case 9:
		h.now = h.now.Add(time.Duration(rapid.Int64Range(0, 3000).Draw(h.rt, "ms")) * time.Millisecond)
		d.list.Tick(h.clock(d))
	case 10:
		d.list.DeviceUp(h.clock(d), h.peer(), named("their phone"))
	case 11:
		h.boot(d)
	}
	h.settle(d)
}

// exchange lets all devices sync with all until nothing changes.
func (h *household) exchange() {
	for range 10 {
		changed := false
		for _, from := range h.devices {
			for _, to := range h.devices {
				changed = h.sync(from, to, false) || changed
			}
		}
		if !changed {
			return
		}
	}
	h.rt.Fatal("the devices do not come to rest")
}

// TestDevicesConverge is threat A18: in all interleavings of sync, request,
// confirm and ban three devices come to the same list, which is that of the
// latest decision about each contact.
func TestDevicesConverge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHousehold(rt)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			h.step()
		}
		h.exchange()
		want := AppendContacts(nil, h.devices[0].list.Contacts())
		for _, d := range h.devices[1:] {
			if !bytes.Equal(AppendContacts(nil, d.list.Contacts()), want) {
				rt.Fatalf("%s has %+v, %s has %+v", h.devices[0].name, h.devices[0].list.Contacts(), d.name, d.list.Contacts())
			}
		}
		for _, e := range h.devices[0].list.Contacts() {
			h.checkDecided(e)
		}
	})
}

// checkDecided holds a final record to the latest decision. Within a second the
// order is lost when a device knows only seconds; then any decision of it will do.
func (h *household) checkDecided(e Entry) {
	second := e.Record.stamp() / msPerSecond
	agrees := false
	for _, d := range h.decided {
		switch s := d.Record.stamp() / msPerSecond; {
		case d.Peer != e.Peer:
		case s > second:
			h.rt.Fatalf("decision %+v is lost to %+v", d.Record, e.Record)
		case s == second:
			agrees = agrees || d.Record.rank() == e.Record.rank()
		}
	}
	if !agrees {
		h.rt.Fatalf("%+v was decided by nobody: %+v", e.Record, h.decided)
	}
}

func TestContactsAreSorted(t *testing.T) {
	l := New(start, named("me"), Snapshot{}, rand.New(rand.NewPCG(1, 2)))
	for _, name := range []string{"bob", "carol", "dave", "eve"} {
		if _, err := l.Add(start, named(name)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.IsSortedFunc(l.Contacts(), func(a, b Entry) int { return a.Peer.Compare(b.Peer) }) {
		t.Error("contacts are not in ascending order")
	}
}
