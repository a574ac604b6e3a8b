package plan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/value"
)

// world is a plan with what its driver knows.
type world struct {
	rt       *rapid.T
	plan     *Plan
	now      time.Time
	devices  []value.LongID
	wanted   map[value.LongID]bool
	attempts map[uint64]value.LongID
	asked    map[value.LongID]time.Time // when the last attempt began that led to nothing yet
	conns    map[ConnID]value.LongID
	lastConn ConnID
	answers  []value.LongID
	requests map[request]bool
}

func newWorld(rt *rapid.T) *world {
	w := &world{
		rt: rt, now: begin,
		plan:     New(named("me"), rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))),
		wanted:   make(map[value.LongID]bool),
		attempts: make(map[uint64]value.LongID),
		asked:    make(map[value.LongID]time.Time),
		conns:    make(map[ConnID]value.LongID),
		requests: make(map[request]bool),
	}
	for i := range 50 {
		w.devices = append(w.devices, named(fmt.Sprintf("%c", 'A'+i)))
	}
	return w
}

func (w *world) device() value.LongID { return rapid.SampledFrom(w.devices).Draw(w.rt, "device") }

// attempt returns one of the pending attempts; ok is false when there is none.
func (w *world) attempt() (id uint64, ok bool) {
	device := w.device()
	for id, d := range w.attempts {
		if d == device {
			return id, true // one per device
		}
	}
	return 0, false
}

func (w *world) step() {
	p, now := w.plan, w.now
	switch rapid.SampledFrom([]string{
		"want", "want", "unwant", "give up", "hurry", "network", "answer", "fail", "up", "up", "theirs", "down", "asked", "done", "wait", "wait",
	}).Draw(w.rt, "step") {
	case "want":
		d := w.device()
		w.wanted[d] = true
		p.Want(now, d)
	case "unwant":
		d := w.device()
		delete(w.wanted, d)
		p.Unwant(now, d)
	case "give up":
		d := w.device()
		delete(w.wanted, d)
		p.GiveUp(now, d)
	case "hurry":
		p.Hurry(now, w.device())
	case "network":
		p.NetworkChanged(now)
		clear(w.asked)
	case "answer":
		if id, ok := w.attempt(); ok {
			p.Answered(w.attempts[id], id)
		}
	case "fail":
		if id, ok := w.attempt(); ok {
			delete(w.attempts, id)
			p.Failed(now, id)
		}
	case "up":
		if id, ok := w.attempt(); ok {
			d := w.attempts[id]
			delete(w.attempts, id)
			w.up(d, id)
		}
	case "theirs":
		w.up(w.device(), 0)
	case "down":
		w.down()
	case "asked":
		w.ask()
	case "done":
		if n := len(w.answers); n > 0 {
			p.AnswerDone(now, w.answers[n-1])
			w.answers = w.answers[:n-1]
		}
	case "wait":
		w.now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Minute)).Draw(w.rt, "wait")))
	}
	w.settle()
}

func (w *world) up(d value.LongID, request uint64) {
	w.lastConn++
	w.conns[w.lastConn] = d
	delete(w.asked, d)
	w.plan.Up(w.now, d, w.lastConn, request)
}

func (w *world) down() {
	d := w.device()
	for id := ConnID(1); id <= w.lastConn; id++ {
		if w.conns[id] == d {
			delete(w.conns, id)
			w.plan.Down(w.now, d, id, rapid.Bool().Draw(w.rt, "silent"))
			return
		}
	}
}

func (w *world) ask() {
	r := request{w.device(), rapid.Uint64Range(1, 20).Draw(w.rt, "id")}
	switch verdict := w.plan.Asked(w.now, r.device, r.id); {
	case verdict == Repeated && !w.requests[r]:
		w.rt.Fatalf("request %d of %v is new", r.id, r.device)
	case verdict == Answer && w.requests[r]:
		w.rt.Fatalf("request %d of %v was treated", r.id, r.device)
	case verdict == Answer:
		w.requests[r] = true
		w.answers = append(w.answers, r.device)
	}
	if len(w.answers) > maxAnswers {
		w.rt.Fatalf("%d requests are being answered", len(w.answers))
	}
}

// settle runs timers and effects, and checks what must hold then.
func (w *world) settle() {
	w.plan.Tick(w.now)
	for _, e := range w.plan.Effects(nil) {
		switch e.Kind {
		case Ask:
			if before, again := w.asked[e.Device]; again && w.now.Sub(before) < minGap {
				w.rt.Fatalf("asked %v after the last attempt", w.now.Sub(before))
			}
			for _, d := range w.attempts {
				if d == e.Device {
					w.rt.Fatal("two attempts to one device")
				}
			}
			w.attempts[e.Request], w.asked[e.Device] = e.Device, w.now
		case Abandon:
			if w.attempts[e.Request] != e.Device {
				w.rt.Fatal("an attempt that is none is abandoned")
			}
			delete(w.attempts, e.Request)
		case Drop:
			delete(w.conns, e.Conn)
			w.plan.Down(w.now, e.Device, e.Conn, false)
		}
	}
	if len(w.attempts) > maxAttempts {
		w.rt.Fatalf("%d attempts", len(w.attempts))
	}
	if next := w.plan.NextDeadline(); !next.IsZero() && !next.After(w.now) {
		w.rt.Fatal("what is due was not done")
	}
	w.checkWanted()
}

// checkWanted sees that something will be done about every device that is wanted
// and not connected.
func (w *world) checkWanted() {
	connected := make(map[value.LongID]int)
	for _, d := range w.conns {
		connected[d]++
	}
	for _, d := range w.devices {
		state := idle
		if known := w.plan.devices[d]; known != nil {
			state = known.state
			if len(known.conns) != connected[d] {
				w.rt.Fatalf("%d connections, want %d", len(known.conns), connected[d])
			}
		}
		if w.wanted[d] && connected[d] == 0 && state == idle {
			w.rt.Fatalf("nothing is done about %v", d)
		}
		if connected[d] > maxConnsEach {
			w.rt.Fatalf("%d connections with one device", connected[d])
		}
	}
}

// TestPlan keeps its promises whatever happens, and forgets everything in the end.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			w.step()
		}
		for _, d := range w.devices {
			delete(w.wanted, d)
			w.plan.Unwant(w.now, d)
		}
		for _, d := range w.answers {
			w.plan.AnswerDone(w.now, d)
		}
		for id := ConnID(1); id <= w.lastConn; id++ {
			if d, up := w.conns[id]; up {
				delete(w.conns, id)
				w.plan.Down(w.now, d, id, false)
			}
		}
		w.settle()
		for _, id := range slices.Sorted(maps.Keys(w.attempts)) {
			w.plan.Failed(w.now, id) // those that the plan does not end itself
		}
		clear(w.attempts)
		for range 100 {
			w.now = w.now.Add(time.Minute)
			w.settle()
		}
		p := w.plan
		if len(p.devices)+len(p.attempts)+len(p.queue)+p.timers.Len()+p.answers+p.unknown+p.conns != 0 {
			rt.Fatalf("left over: %+v", p)
		}
	})
}

// TestOftenAsked: who asks too often is not answered for a while, and nobody else
// suffers for it. Who asked is forgotten.
func TestOftenAsked(t *testing.T) {
	p := New(named("me"), rand.New(rand.NewPCG(1, 2)))
	at, id := begin, uint64(0)
	answers := func(name string, asked int) (n int) {
		for range asked {
			id++
			if p.Asked(at, named(name), id) == Answer {
				p.AnswerDone(at, named(name))
				n++
			}
		}
		return n
	}
	if n := answers("eve", 2*requestBurst); n != requestBurst+1 {
		t.Errorf("%d are answered at once", n)
	}
	if n := answers("bob", 1); n != 1 {
		t.Error("another device is not answered")
	}
	at = at.Add(10 * requestEvery)
	if n := answers("eve", requestBurst); n != 10 {
		t.Errorf("%d are answered a little later", n)
	}
	for i := range 2 * maxAskers {
		at = at.Add(requestEvery)
		if answers(fmt.Sprint(i), 1) != 1 {
			t.Fatal("a device that asks for the first time is not answered")
		}
	}
	if n := len(p.askers.until); n > maxAskers {
		t.Errorf("%d devices are remembered", n)
	}
}

// TestSeen forgets the oldest request first.
func TestSeen(t *testing.T) {
	p := New(named("me"), rand.New(rand.NewPCG(1, 2)))
	at := begin
	ask := func(id uint64) Verdict {
		at = at.Add(requestEvery)
		v := p.Asked(at, named("bob"), id)
		p.AnswerDone(begin, named("bob"))
		return v
	}
	for id := uint64(1); id <= maxSeen; id++ {
		if v := ask(id); v != Answer {
			t.Fatalf("request %d: %v", id, v)
		}
	}
	if v := ask(1); v != Repeated {
		t.Errorf("the oldest: %v", v)
	}
	ask(maxSeen + 1)
	if v := ask(2); v != Repeated {
		t.Errorf("the oldest but one: %v", v)
	}
	if v := ask(1); v != Answer {
		t.Errorf("a forgotten one: %v", v)
	}
	if len(p.seen.known) != maxSeen {
		t.Errorf("%d are remembered", len(p.seen.known))
	}
}
