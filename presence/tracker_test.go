package presence

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
)

// world is a device on a lease, some nodes that store its announcements, and a
// tracker that listens to them.
type world struct {
	rt      *rapid.T
	now     time.Time
	lease   time.Duration
	tracker *Tracker
	account infohash.Hash
	device  infohash.Hash
	nodes   []*storer
	lastID  uint64
	nodeID  int
	status  Status
}

// storer is a storing node whose clock is wrong by skew, so that it ends a lease
// early or late.
type storer struct {
	id     infohash.Hash
	skew   time.Duration
	values map[uint64]time.Time
}

func newWorld(rt *rapid.T) *world {
	w := &world{
		rt: rt, now: begin, account: infohash.SumString("bob"), device: infohash.SumString("bob/phone"),
		lease:   time.Duration(rapid.IntRange(10, 600).Draw(rt, "lease")) * time.Second,
		tracker: NewTracker(TrackerConfig{Dwell: DefaultDwell}),
	}
	w.tracker.Start(w.now)
	if err := w.tracker.SetContact(w.now, w.account, true); err != nil {
		rt.Fatal(err)
	}
	for range rapid.IntRange(1, 4).Draw(rt, "nodes") {
		w.join()
	}
	return w
}

// join adds a storing node, which has what the others have.
func (w *world) join() {
	w.nodeID++
	n := &storer{id: infohash.SumString(fmt.Sprint("node ", w.nodeID)), values: make(map[uint64]time.Time)}
	// Renewals come two fifths of a lease before the end.
	n.skew = w.lease * time.Duration(rapid.IntRange(-30, 30).Draw(w.rt, "skew")) / 100
	for _, other := range w.nodes {
		for id, ends := range other.values {
			n.values[id] = ends.Add(n.skew - other.skew)
		}
	}
	w.nodes = append(w.nodes, n)
	for id := uint64(1); id <= w.lastID; id++ {
		if n.values[id].After(w.now) {
			w.hear(n, id)
		}
	}
}

// hear lets the tracker hear of a value from a node; the end that it is told is
// the one by our clock.
func (w *world) hear(n *storer, id uint64) {
	w.tracker.Heard(w.now, w.account, Value{
		ID: id, Owner: w.account, Device: w.device, DeviceKey: []byte("bob/phone"), Node: n.id, Expires: n.values[id].Add(-n.skew),
	})
}

// announce puts a fresh value on all nodes.
func (w *world) announce() {
	w.lastID++
	for _, n := range w.nodes {
		n.values[w.lastID] = w.now.Add(w.lease + n.skew)
		w.hear(n, w.lastID)
	}
}

// second passes a second, with whatever may happen in it. A silent network tells
// of no end.
func (w *world) second(silent bool) {
	w.now = w.now.Add(time.Second)
	if !silent {
		for _, n := range w.nodes {
			for id := uint64(1); id <= w.lastID; id++ {
				if ends, has := n.values[id]; has && !ends.After(w.now) {
					delete(n.values, id)
					w.tracker.Expired(w.now, w.account, id, n.id)
				}
			}
		}
		n := rapid.SampledFrom(w.nodes).Draw(w.rt, "node")
		switch rapid.IntRange(0, 20).Draw(w.rt, "event") {
		case 0: // a duplicate
			if n.values[w.lastID].After(w.now) {
				w.hear(n, w.lastID)
			}
		case 1: // a node dies, and another takes its place
			lost := w.nodes[0]
			w.join()
			w.nodes = w.nodes[1:]
			w.tracker.NodeLost(w.now, w.account, lost.id)
		case 2: // the machine sleeps, or its clock is set
			w.now = jump(w.now, time.Duration(rapid.IntRange(-3600, 3600).Draw(w.rt, "jump"))*time.Second)
		}
	}
	w.tracker.Tick(w.now)
	w.observe()
}

func (w *world) observe() {
	for _, e := range w.tracker.Effects(nil) {
		if changed, ok := e.(StatusChanged); ok {
			if changed.Status == w.status {
				w.rt.Fatalf("%s is told twice", changed.Status)
			}
			w.status = changed.Status
		}
	}
}

// TestNoFalseOffline is claim R5: a device that renews in time is never shown
// offline, whatever nodes, duplicates and clocks do; and a dead one is shown
// offline within its lease and the dwell time, even if no node says a word.
func TestNoFalseOffline(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		renewal := int(w.lease * 3 / 5 / time.Second)
		seconds := rapid.IntRange(1, 300).Draw(rt, "seconds")
		announced := w.now
		for i := range seconds {
			if i%renewal == 0 {
				w.announce()
				announced = w.now
			}
			w.second(false)
			if w.status != Online {
				rt.Fatalf("offline after %ds with a lease of %s", i+1, w.lease)
			}
		}
		silent := rapid.Bool().Draw(rt, "silent")
		for w.status == Online {
			if w.now.Sub(announced) > w.lease+DefaultDwell {
				rt.Fatalf("still online %s after the last announcement, lease %s", w.now.Sub(announced), w.lease)
			}
			w.second(silent)
		}
		if next := w.tracker.NextDeadline(); !next.IsZero() {
			rt.Fatalf("still a deadline at %s", next)
		}
	})
}

// TestTrackerInvariants feeds anything in any order.
func TestTrackerInvariants(t *testing.T) {
	accounts := []infohash.Hash{infohash.SumString("bob"), infohash.SumString("carol")}
	devices := []string{"phone", "laptop"}
	nodes := []infohash.Hash{{}, infohash.SumString("n1"), infohash.SumString("n2")}
	rapid.Check(t, func(rt *rapid.T) {
		now := begin
		tracker := NewTracker(TrackerConfig{Dwell: DefaultDwell, History: 3})
		seen := newObserver()
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			account := rapid.SampledFrom(accounts).Draw(rt, "account")
			name := rapid.SampledFrom(devices).Draw(rt, "device")
			device := infohash.SumString(name)
			node := rapid.SampledFrom(nodes).Draw(rt, "node")
			id := rapid.Uint64Range(1, 5).Draw(rt, "id")
			expires := now.Add(time.Duration(rapid.IntRange(-5, 700).Draw(rt, "life")) * time.Second)
			switch rapid.IntRange(0, 13).Draw(rt, "input") {
			case 0:
				tracker.Start(now)
			case 1:
				tracker.Stop(now)
			case 2:
				_ = tracker.SetContact(now, account, rapid.Bool().Draw(rt, "contact"))
			case 3:
				_ = tracker.Subscribe(now, account)
			case 4:
				tracker.Unsubscribe(now, account, rapid.Bool().Draw(rt, "all"))
			case 5, 6, 7:
				v := Value{ID: id, Owner: account, Device: device, DeviceKey: []byte(name), Node: node, Expires: expires}
				if rapid.Bool().Draw(rt, "dated") {
					v.Stamp.Date = now.Add(time.Duration(rapid.IntRange(-3, 3).Draw(rt, "date")) * time.Minute).Round(0)
				}
				tracker.Heard(now, account, v)
			case 8:
				tracker.Refreshed(now, account, id, node, expires)
			case 9:
				tracker.Expired(now, account, id, node)
			case 10:
				tracker.NodeLost(now, account, node)
			case 11:
				tracker.Judge(now, account, device, Verdict(rapid.IntRange(0, 2).Draw(rt, "verdict")))
			case 12:
				tracker.ChannelUp(now, account, device)
			case 13:
				tracker.ChannelDown(now, account, device, rapid.Bool().Draw(rt, "left"))
			}
			seen.observe(rt, tracker.Effects(nil))
			checkTracker(rt, now, tracker)
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(rt, "wait")) * time.Second)
			tracker.Tick(now)
			seen.observe(rt, tracker.Effects(nil))
			if next := tracker.NextDeadline(); !next.IsZero() && !next.After(now) {
				rt.Fatalf("Tick left something to do at %s", next)
			}
		}
	})
}

// observer holds effects to their order.
type observer struct {
	listening map[infohash.Hash]bool
	up        map[[2]infohash.Hash]bool
}

func newObserver() *observer {
	return &observer{listening: make(map[infohash.Hash]bool), up: make(map[[2]infohash.Hash]bool)}
}

func (o *observer) observe(rt *rapid.T, effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Listen:
			o.flip(rt, o.listening[e.Account], false, "listen")
			o.listening[e.Account] = true
		case Unlisten:
			o.flip(rt, o.listening[e.Account], true, "unlisten")
			o.listening[e.Account] = false
		case DeviceUp:
			key := [2]infohash.Hash{e.Account, e.Device}
			o.flip(rt, o.up[key], false, "device up")
			o.up[key] = true
		case DeviceDown:
			key := [2]infohash.Hash{e.Account, e.Device}
			o.flip(rt, o.up[key], true, "device down")
			o.up[key] = false
		}
	}
}

func (o *observer) flip(rt *rapid.T, is, want bool, what string) {
	if is != want {
		rt.Fatalf("%s comes twice", what)
	}
}

func checkTracker(rt *rapid.T, now time.Time, tracker *Tracker) {
	for _, p := range tracker.peers {
		if p.status != p.derive() {
			rt.Fatalf("status is %s, should be %s", p.status, p.derive())
		}
		if len(p.devices) > 0 && (!p.online || !p.listening || p.Deadline().IsZero()) {
			rt.Fatal("a device without its account being online, listened to and timed")
		}
		for id, d := range p.values {
			if d.values[id] == nil || p.devices[d.id] != d {
				rt.Fatalf("value %d belongs to nobody", id)
			}
		}
		for _, d := range p.devices {
			if !d.last().After(now) || d.verdict.refused() {
				rt.Fatalf("device %s should be gone", d.id.Short())
			}
		}
		if len(p.history) > 3 {
			rt.Fatalf("history of %d entries", len(p.history))
		}
	}
	timed := 0
	for _, p := range tracker.peers {
		if !p.Deadline().IsZero() {
			timed++
		}
	}
	if tracker.timers.Len() != timed {
		rt.Fatal("a timer of a forgotten account")
	}
}

// Anyone may put a genuine announcement again under many ids, and be many nodes.
func TestReplayIsBounded(t *testing.T) {
	tracker := NewTracker(TrackerConfig{})
	account, key := infohash.SumString("bob"), []byte("phone")
	tracker.Start(begin)
	if err := tracker.SetContact(begin, account, true); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(1000) {
		v := Value{ID: 1 + i%200, Owner: account, Device: infohash.Sum(key), DeviceKey: key, Node: infohash.SumString(fmt.Sprint(i))}
		tracker.Heard(begin.Add(time.Duration(i)*time.Millisecond), account, v)
	}
	p := tracker.peers[account]
	if n := len(p.values); n > maxValues {
		t.Errorf("%d values held, want at most %d", n, maxValues)
	}
	for id, d := range p.values {
		if n := len(d.values[id].holders); n > maxHolders {
			t.Errorf("%d nodes noted for a value, want at most %d", n, maxHolders)
		}
	}
	for i := range 100 {
		key := fmt.Append(nil, i)
		tracker.Heard(begin, account, Value{ID: uint64(1000 + i), Owner: account, Device: infohash.Sum(key), DeviceKey: key})
	}
	if n := len(p.devices); n != maxDevices {
		t.Errorf("%d devices, want %d", n, maxDevices)
	}
	if got := tracker.Counts()[TooMany]; got != 100-maxDevices+1 {
		t.Errorf("%d devices refused", got)
	}
}

func TestTrackRefusesZero(t *testing.T) {
	tracker := NewTracker(TrackerConfig{})
	if err := tracker.Subscribe(begin, infohash.Hash{}); err != ErrZero {
		t.Errorf("error %v, want %v", err, ErrZero)
	}
}

// One event costs the same however many accounts are tracked.
func BenchmarkHeard(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			tracker := NewTracker(TrackerConfig{Dwell: DefaultDwell})
			tracker.Start(begin)
			values := make([]Value, n)
			for i := range values {
				key := fmt.Append(nil, "device ", i)
				owner := infohash.SumString(fmt.Sprint("account ", i))
				values[i] = Value{ID: 1, Owner: owner, Device: infohash.Sum(key), DeviceKey: key}
				if err := tracker.SetContact(begin, owner, true); err != nil {
					b.Fatal(err)
				}
			}
			var effects []Effect
			now := begin
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				v := &values[i%n]
				v.ID++
				now = now.Add(time.Millisecond)
				v.Expires = now.Add(time.Minute)
				tracker.Heard(now, v.Owner, *v)
				tracker.Tick(now)
				effects = tracker.Effects(effects[:0])
			}
		})
	}
}
