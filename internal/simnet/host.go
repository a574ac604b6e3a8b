package simnet

import (
	"fmt"
	"net/netip"
	"time"
)

// Host is a machine in a Sim that runs a Node.
type Host struct {
	port   port
	sim    *Sim
	id     int
	node   Node          // nil while stopped; then the host has no place in the network
	offset time.Duration // of the host's wall clock
	slept  time.Duration // by which its monotonic clock is behind
	asleep bool
	since  time.Duration // when it fell asleep
	send   func(to netip.AddrPort, p []byte)

	timer int           // index in the timers, -1 when not among them
	at    time.Duration // of the node's next deadline
	ticks int           // in a row at the same time
	last  time.Duration // of the last tick
}

// maxTicks is how often a node may ask for a Tick at the same time before it is
// taken to do so for ever.
const maxTicks = 100_000

// Addr returns the host's first address; behind a NAT it is the inner one.
func (h *Host) Addr() netip.AddrPort { return h.port.addrs[0] }

// Now returns the time on the host's clocks: as [time.Now] on a real machine, with
// the reading of a wall clock, which can be set, and of a monotonic one.
func (h *Host) Now() time.Time {
	return reading(Start.Add(h.sim.now+h.offset), h.sim.now-h.slept)
}

// Running reports whether the host runs a Node and is awake.
func (h *Host) Running() bool { return h.node != nil && !h.asleep }

// Start runs a node, in place of the one that ran, if any. It panics if another
// host runs at one of the addresses.
func (h *Host) Start(n Node) {
	h.Stop()
	h.attach()
	h.node = n
	h.settle()
}

// Stop ends the node without a word to anyone, as when the machine fails.
func (h *Host) Stop() {
	h.Wake()
	if h.node != nil {
		h.node = nil
		h.sim.timers.remove(h)
		h.sim.detach(&h.port)
	}
}

// Sleep suspends the machine until Wake: it has no place in the network, and its
// monotonic clock stands still.
func (h *Host) Sleep() {
	if h.Running() {
		h.asleep, h.since = true, h.sim.now
		h.sim.timers.remove(h)
		h.sim.detach(&h.port)
	}
}

// Wake ends the sleep of the machine, if it is asleep.
func (h *Host) Wake() {
	if h.asleep {
		h.asleep = false
		h.slept += h.sim.now - h.since
		h.attach()
		h.settle()
	}
}

func (h *Host) attach() {
	if err := h.sim.attach(&h.port); err != nil {
		panic(err)
	}
}

// Do calls f, which may call methods of the host's node, and sends what comes of it,
// once the machine is awake.
func (h *Host) Do(f func(now time.Time)) {
	f(h.Now())
	h.settle()
}

// SetAddrs moves the host to other addresses, behind the same NAT if there is one.
func (h *Host) SetAddrs(addrs ...netip.AddrPort) {
	if !h.Running() {
		h.port.addrs = addrs
		return
	}
	h.sim.detach(&h.port)
	h.port.addrs = addrs
	h.attach()
}

// SetClock makes the host's wall clock differ from the virtual time, now and from now
// on.
func (h *Host) SetClock(offset time.Duration) {
	h.offset = offset
	h.settle()
}

func (h *Host) handle(p *packet) {
	h.node.Handle(h.Now(), p.from, p.data)
	h.settle()
}

func (h *Host) tick() {
	if h.last != h.sim.now {
		h.last, h.ticks = h.sim.now, 0
	}
	if h.ticks++; h.ticks > maxTicks {
		panic(fmt.Sprintf("simnet: host %v asks for a Tick at %v again and again", h.Addr(), h.node.NextDeadline()))
	}
	h.sim.mix(uint64(h.sim.now) ^ uint64(h.id)<<48)
	h.node.Tick(h.Now())
	h.settle()
}

// settle sends what the node has to send and sets its timer.
func (h *Host) settle() {
	if !h.Running() {
		return
	}
	h.node.Drain(h.send)
	deadline := h.node.NextDeadline()
	if deadline.IsZero() {
		h.sim.timers.remove(h)
		return
	}
	h.sim.timers.set(h, h.sim.now+max(0, deadline.Sub(h.Now())))
}

// timers is a heap of the hosts with a deadline, the next one first; hosts with
// the same one come in the order of their making.
type timers []*Host

func (t timers) first() *Host {
	if len(t) == 0 {
		return nil
	}
	return t[0]
}

func (t *timers) set(h *Host, at time.Duration) {
	if h.timer < 0 {
		h.timer = len(*t)
		*t = append(*t, h)
	} else if h.at == at {
		return
	}
	h.at = at
	t.fix(h.timer)
}

func (t *timers) remove(h *Host) {
	i := h.timer
	if i < 0 {
		return
	}
	h.timer = -1
	last := (*t)[len(*t)-1]
	(*t)[len(*t)-1] = nil
	*t = (*t)[:len(*t)-1]
	if last != h {
		(*t)[i] = last
		last.timer = i
		t.fix(i)
	}
}

// fix moves the host at i to where it belongs.
func (t timers) fix(i int) {
	for i > 0 && t.less(i, (i-1)/2) {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		child := 2*i + 1
		if child >= len(t) {
			return
		}
		if child+1 < len(t) && t.less(child+1, child) {
			child++
		}
		if !t.less(child, i) {
			return
		}
		t.swap(i, child)
		i = child
	}
}

func (t timers) less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].id < t[j].id
}

func (t timers) swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = i, j
}
