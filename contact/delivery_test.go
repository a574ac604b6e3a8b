package contact

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// party is an account with one device, which is on the network or not.
type party struct {
	name    string
	other   *party
	list    *List
	disk    *disk
	online  bool
	inbox   map[uint64]stored // values that the network keeps for the device
	told    map[uint64]bool   // values that it was told of since it came
	prompts int
	boots   uint64
}

type stored struct {
	message Message
	expires time.Time
}

func (p *party) device() string { return p.name + "/phone" }

// meeting is two accounts on an unreliable network.
type meeting struct {
	rt       *rapid.T
	now      time.Time
	reliable bool
	alice    *party
	bob      *party
}

func newMeeting(rt *rapid.T) *meeting {
	m := &meeting{rt: rt, now: start}
	m.alice, m.bob = &party{name: "alice"}, &party{name: "bob"}
	m.alice.other, m.bob.other = m.bob, m.alice
	for _, p := range []*party{m.alice, m.bob} {
		p.disk = newDisk()
		p.inbox = make(map[uint64]stored)
		m.boot(p)
	}
	return m
}

// boot starts a party from its disk. It hears anew of everything.
func (m *meeting) boot(p *party) {
	p.boots++
	p.list = New(m.now, named(p.name), p.disk.snapshot(), rand.New(rand.NewPCG(uint64(p.name[0]), p.boots)))
	p.told = make(map[uint64]bool)
	if p.online {
		m.hear(p)
	}
}

// setOnline makes a party come or go.
func (m *meeting) setOnline(p *party, online bool) {
	if p.online == online {
		return
	}
	p.online = online
	if !online {
		p.list.DeviceDown(named(p.other.name), named(p.other.device()))
		p.other.list.DeviceDown(named(p.name), named(p.device()))
		return
	}
	p.told = make(map[uint64]bool)
	m.hear(p)
	if p.other.online {
		p.other.list.DeviceUp(m.now, named(p.name), named(p.device()))
		m.run(p.other)
	}
}

// hear tells a party of the other one and of what is in its inbox.
func (m *meeting) hear(p *party) {
	if p.other.online {
		p.list.DeviceUp(m.now, named(p.other.name), named(p.other.device()))
	}
	m.deliver(p)
	m.run(p)
}

func (m *meeting) deliver(p *party) {
	if !p.online {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(p.inbox)) {
		if v := p.inbox[id]; v.expires.After(m.now) && !p.told[id] {
			p.told[id] = true
			p.list.Receive(m.now, v.message)
			m.run(p)
		}
	}
}

// run carries out the effects of a party.
func (m *meeting) run(p *party) {
	for effects := p.list.Effects(nil); len(effects) > 0; effects = p.list.Effects(nil) {
		p.disk.apply(effects)
		for _, e := range effects {
			switch e := e.(type) {
			case RequestReceived:
				p.prompts++
			case Put:
				m.put(p, e)
			}
		}
	}
}

func (m *meeting) put(p *party, e Put) {
	ok := p.online && (m.reliable || rapid.IntRange(0, 9).Draw(m.rt, "luck") > 6)
	p.list.PutDone(m.now, e.Ref, ok)
	if !ok {
		return
	}
	message := e.Message
	message.From, message.Device = named(p.name), named(p.device())
	p.other.inbox[e.Ref.ValueID] = stored{message, m.now.Add(valueLife)}
	m.deliver(p.other)
}

// pass lets time pass for both.
func (m *meeting) pass(d time.Duration) {
	for end := m.now.Add(d); m.now.Before(end); {
		m.now = m.now.Add(min(time.Second, end.Sub(m.now)))
		for _, p := range []*party{m.alice, m.bob} {
			p.list.Tick(m.now)
			m.run(p)
		}
	}
}

func (m *meeting) step() {
	p := rapid.SampledFrom([]*party{m.alice, m.bob}).Draw(m.rt, "party")
	switch rapid.IntRange(0, 3).Draw(m.rt, "event") {
	case 0:
		m.setOnline(p, rapid.Bool().Draw(m.rt, "online"))
	case 1:
		m.boot(p)
	default:
		m.pass(time.Duration(rapid.IntRange(1, 1500).Draw(m.rt, "seconds")) * time.Second)
	}
}

// together is both on a good network for a minute.
func (m *meeting) together() {
	m.reliable = true
	m.setOnline(m.alice, true)
	m.setOnline(m.bob, true)
	m.pass(time.Minute)
	m.reliable = false
}

// TestRequestsArrive is fault F6 and F7 and claim R6: whatever happens before, a
// minute together is enough for a request to arrive, and another for its confirm;
// and the user is asked exactly once.
func TestRequestsArrive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMeeting(rt)
		if err := m.alice.list.Send(m.now, named("bob"), []byte("vcard")); err != nil {
			rt.Fatal(err)
		}
		m.run(m.alice)
		steps := rapid.IntRange(0, 12)
		for range steps.Draw(rt, "steps before") {
			m.step()
		}
		m.together()
		if r, ok := m.bob.list.Request(named("alice")); !ok || string(r.Payload) != "vcard" {
			rt.Fatalf("after %s bob has no request", m.now.Sub(start))
		}
		if s, ok := m.alice.list.Sent(named("bob")); !ok || s != Delivered {
			rt.Fatalf("alice's request is %s, %t", s, ok)
		}
		if ok, err := m.bob.list.Accept(m.now, named("alice")); !ok || err != nil {
			rt.Fatal(ok, err)
		}
		m.run(m.bob)
		for range steps.Draw(rt, "steps after") {
			m.step()
		}
		m.together()
		for _, p := range []*party{m.alice, m.bob} {
			if c, _ := p.list.Contact(named(p.other.name)); !c.Active() || !c.Confirmed {
				rt.Fatalf("%s has %+v", p.name, c)
			}
		}
		if _, ok := m.alice.list.Sent(named("bob")); ok {
			rt.Fatal("alice still asks")
		}
		if m.bob.prompts != 1 || m.alice.prompts != 0 {
			rt.Fatalf("bob was asked %d times, alice %d times", m.bob.prompts, m.alice.prompts)
		}
	})
}
