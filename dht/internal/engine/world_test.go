package engine

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// world is a handful of engines on a network whose every datagram is delivered
// after the same delay, with a trace of what goes over it and what the engines
// report. It exists to be read; packages with many nodes use a simulator.
type world struct {
	t       testing.TB
	now     time.Time
	names   []string
	engines map[string]*Engine
	addrs   map[netip.AddrPort]string
	moved   map[string]netip.AddrPort // nodes that are not where they were made
	dead    map[string]bool
	flight  []datagram
	serial  int
	out     Output
	trace   strings.Builder
	quiet   bool // trace only what engines report, not the packets
	ops     map[string]OpID
}

type datagram struct {
	at       time.Time
	serial   int
	from, to netip.AddrPort
	data     []byte
}

const worldLatency = 10 * time.Millisecond

func newWorld(t testing.TB) *world {
	return &world{
		t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		engines: make(map[string]*Engine), addrs: make(map[netip.AddrPort]string), moved: make(map[string]netip.AddrPort),
		dead: make(map[string]bool), ops: make(map[string]OpID),
	}
}

// add makes a node whose id begins with the given hexadecimal digits.
func (w *world) add(name, prefix string, change func(*Config)) *Engine {
	w.t.Helper()
	id, err := infohash.Parse(prefix + strings.Repeat("0", 40-len(prefix)-2) + fmt.Sprintf("%02x", len(w.names)+1))
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := Config{ID: id, IPv4: true}
	if change != nil {
		change(&cfg)
	}
	w.names = append(w.names, name)
	w.run(name, cfg, byte(len(w.names)-1))
	w.addrs[w.addr(name)] = name
	return w.engines[name]
}

// run starts a node in place of the one that bears the name, if any: what that
// one knew is lost.
func (w *world) run(name string, cfg Config, seed byte) {
	e, err := New(w.now, cfg, rand.New(rand.NewChaCha8([32]byte{seed})), rand.NewChaCha8([32]byte{seed}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.engines[name] = e
}

// addr is where a node is: 10.0.0.N:4222, unless it has moved.
func (w *world) addr(name string) netip.AddrPort {
	if addr, ok := w.moved[name]; ok {
		return addr
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(slices.Index(w.names, name) + 1)}), 4222)
}

func (w *world) nameOf(addr netip.AddrPort) string { return cmp.Or(w.addrs[addr], addr.String()) }

// drain takes the effects of an engine: packets into flight, reports into the trace.
func (w *world) drain(name string) {
	e := w.engines[name]
	e.Swap(&w.out)
	var checks []Ticket
	var good []bool
	for _, x := range w.out.Effects {
		if x.Kind == Send {
			w.send(w.addr(name), x.To, x.Packet)
		} else {
			w.report(name, x)
		}
		if x.Kind == Verify {
			checks, good = append(checks, x.Ticket), append(good, value.Verify(x.Value) == nil)
		}
	}
	for i, ticket := range checks {
		e.Verified(w.now, ticket, good[i])
		w.drain(name)
	}
}

func (w *world) send(from, to netip.AddrPort, data []byte) {
	w.serial++
	w.flight = append(w.flight, datagram{w.now.Add(worldLatency), w.serial, from, to, bytes.Clone(data)})
	if !w.quiet {
		fmt.Fprintf(&w.trace, "%s->%s %s\n", w.nameOf(from), w.nameOf(to), w.describe(data))
	}
}

func (w *world) report(name string, x Effect) {
	switch x.Kind {
	case Found:
		fmt.Fprintf(&w.trace, "%s: found %s\n", name, describeValue(x.Value))
	case Lost:
		fmt.Fprintf(&w.trace, "%s: lost %s\n", name, describeValue(x.Value))
	case Selected:
		fmt.Fprintf(&w.trace, "%s: selected", name)
		for _, f := range x.Fields {
			fmt.Fprintf(&w.trace, " id=%d seq=%d", f.ID, f.Seq)
		}
		fmt.Fprintln(&w.trace)
	case Done:
		fmt.Fprintf(&w.trace, "%s: done", name)
		if x.Stored > 0 {
			fmt.Fprintf(&w.trace, ", stored on %d", x.Stored)
		}
		if x.Err != nil {
			fmt.Fprintf(&w.trace, ": %v", x.Err)
		}
		fmt.Fprintln(&w.trace)
	case Changed:
		fmt.Fprintf(&w.trace, "%s: %v\n", name, w.engines[name].Status())
	case Seek:
		fmt.Fprintf(&w.trace, "%s: seeks the network\n", name)
	case Verify:
		fmt.Fprintf(&w.trace, "%s: checks the signature of %s\n", name, describeValue(x.Value))
	}
}

// advance lets d pass: datagrams arrive and timers fire in order.
func (w *world) advance(d time.Duration) {
	end := w.now.Add(d)
	for range 1_000_000 {
		at, what := end, func() {}
		for _, name := range w.names {
			e := w.engines[name]
			if next := e.NextDeadline(); !w.dead[name] && !next.IsZero() && next.Before(at) {
				at, what = next, func() { e.Tick(w.now); w.drain(name) }
			}
		}
		if i := w.first(); i >= 0 && !w.flight[i].at.After(at) {
			g := w.flight[i]
			at, what = g.at, func() { w.flight = slices.Delete(w.flight, i, i+1); w.arrive(g) }
		}
		if at.After(w.now) {
			w.now = at
		}
		if !w.now.Before(end) {
			w.now = end
			return
		}
		what()
	}
	w.t.Fatal("the engines do not come to rest")
}

func (w *world) first() int {
	best := -1
	for i, g := range w.flight {
		if best < 0 || g.at.Before(w.flight[best].at) || g.at.Equal(w.flight[best].at) && g.serial < w.flight[best].serial {
			best = i
		}
	}
	return best
}

func (w *world) arrive(g datagram) {
	name := w.addrs[g.to]
	if name == "" || w.dead[name] {
		return
	}
	w.engines[name].Handle(w.now, g.from, g.data)
	w.drain(name)
}

// do gives an engine input and takes its effects.
func (w *world) do(name string, input func(e *Engine)) {
	input(w.engines[name])
	w.drain(name)
}

// describe tells what a datagram says, without what is random in it.
func (w *world) describe(data []byte) string {
	var m wire.Message
	if err := m.Parse(data); err != nil {
		return "garbage"
	}
	var b strings.Builder
	switch m.Kind {
	case wire.Request:
		b.WriteString(methodNames[m.Method])
	case wire.Reply:
		b.WriteString("reply")
	case wire.Error:
		fmt.Fprintf(&b, "error %d", m.Code)
	case wire.Push:
		b.WriteString("push")
	case wire.Part:
		fmt.Fprintf(&b, "part %d+%d", m.Parts[0].Offset, len(m.Parts[0].Data))
	}
	if !m.Key.IsZero() {
		fmt.Fprintf(&b, " %s", m.Key.Short())
	}
	if m.Query != nil {
		b.WriteString(" query")
	}
	for id, addr := range m.Nodes() {
		_ = id
		fmt.Fprintf(&b, " @%s", w.nameOf(addr))
	}
	for _, v := range m.Values {
		if v.Raw == nil {
			fmt.Fprintf(&b, " [%d bytes]", v.Size)
		} else if parsed, err := value.Parse(v.Raw); err == nil {
			fmt.Fprintf(&b, " %s", describeValue(parsed))
		}
	}
	for _, id := range m.Refreshed {
		fmt.Fprintf(&b, " refreshed=%d", id)
	}
	for _, id := range m.Expired {
		fmt.Fprintf(&b, " expired=%d", id)
	}
	if m.VID != 0 {
		fmt.Fprintf(&b, " vid=%d", m.VID)
	}
	return b.String()
}

func describeValue(v *value.Value) string {
	if v.Encrypted() {
		return fmt.Sprintf("%d:encrypted", v.ID)
	}
	text := fmt.Sprintf("%d:%q", v.ID, v.Data)
	if len(v.Data) > 40 {
		text = fmt.Sprintf("%d:%q*%d", v.ID, v.Data[:1], len(v.Data))
	}
	if v.Signed() {
		text += fmt.Sprintf("/%d", v.Seq)
	}
	return text
}
