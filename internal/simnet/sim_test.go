package simnet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// script is a Node that answers "ping N" by "pong N" and notes what it gets.
type script struct {
	out      []sending
	got      []string
	from     []netip.AddrPort
	times    []time.Time
	deadline time.Time
	ticks    []time.Time
}

type sending struct {
	to netip.AddrPort
	p  []byte
}

func (n *script) Handle(now time.Time, from netip.AddrPort, p []byte) {
	n.got = append(n.got, string(p))
	n.from = append(n.from, from)
	n.times = append(n.times, now.Round(0))
	if rest, ok := bytes.CutPrefix(p, []byte("ping")); ok {
		n.say(from, "pong"+string(rest))
	}
}

func (n *script) say(to netip.AddrPort, text string) {
	n.out = append(n.out, sending{to, []byte(text)})
}

func (n *script) Tick(now time.Time) {
	n.ticks = append(n.ticks, now.Round(0))
	n.deadline = time.Time{}
}

func (n *script) NextDeadline() time.Time { return n.deadline }

func (n *script) Drain(send func(netip.AddrPort, []byte)) {
	for _, x := range n.out {
		send(x.to, x.p)
	}
	n.out = n.out[:0]
}

// run returns a sim with n hosts that run scripts.
func run(cfg Config, n int) (*Sim, []*Host, []*script) {
	s := NewSim(cfg)
	var hosts []*Host
	var nodes []*script
	for range n {
		hosts, nodes = append(hosts, s.NewHost()), append(nodes, new(script))
		hosts[len(hosts)-1].Start(nodes[len(nodes)-1])
	}
	return s, hosts, nodes
}

// tell makes a host send.
func tell(h *Host, n *script, to netip.AddrPort, text string) {
	h.Do(func(time.Time) { n.say(to, text) })
}

func TestLatency(t *testing.T) {
	s, hosts, nodes := run(Config{Link: Link{Latency: 20 * time.Millisecond}}, 2)
	tell(hosts[0], nodes[0], hosts[1].Addr(), "ping 1")
	s.Run(time.Second)
	if len(nodes[0].times) != 1 || nodes[0].times[0] != Start.Add(40*time.Millisecond) {
		t.Errorf("the answer came at %v", nodes[0].times)
	}
	if nodes[0].got[0] != "pong 1" || nodes[0].from[0] != hosts[1].Addr() {
		t.Errorf("got %q from %v", nodes[0].got, nodes[0].from)
	}
	if s.Now() != Start.Add(time.Second) {
		t.Errorf("time is %v after a second", s.Now())
	}
	if got, want := s.Stats(), (Stats{Sent: 2, Delivered: 2, Bytes: 12}); got != want {
		t.Errorf("Stats = %+v, want %+v", got, want)
	}
}

func TestSpreadIsConstantPerPair(t *testing.T) {
	const spread = 100 * time.Millisecond
	s, hosts, nodes := run(Config{Link: Link{Spread: spread}}, 3)
	for i := range 20 {
		tell(hosts[0], nodes[0], hosts[1].Addr(), fmt.Sprint("ping ", i))
	}
	tell(hosts[0], nodes[0], hosts[2].Addr(), "a")
	s.Run(time.Second)
	there, back := nodes[1].times[0].Sub(Start), nodes[0].times[0].Sub(nodes[1].times[0])
	if there != back || there == 0 || there > spread {
		t.Errorf("%v there, %v back", there, back)
	}
	if !slices.IsSortedFunc(nodes[1].times, time.Time.Compare) || nodes[1].times[0] != nodes[1].times[19] {
		t.Error("packets of a pair took different times")
	}
	if nodes[2].times[0] == nodes[1].times[0] {
		t.Error("two pairs have the same latency")
	}
}

func TestLossDuplicationOrder(t *testing.T) {
	const count = 2000
	tests := []struct {
		name     string
		link     Link
		min, max int
		ordered  bool
	}{
		{"perfect", Link{}, count, count, true},
		{"lossy", Link{Loss: 0.3}, count * 65 / 100, count * 75 / 100, true},
		{"dead", Link{Loss: 1}, 0, 0, true},
		{"duplicating", Link{Duplicate: 0.2}, count * 115 / 100, count * 125 / 100, true},
		{"reordering", Link{Latency: time.Millisecond, Reorder: 0.1}, count, count, false},
		{"jittery", Link{Jitter: time.Millisecond}, count, count, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, hosts, nodes := run(Config{Seed: 1, Link: tt.link}, 2)
			for i := range count {
				tell(hosts[0], nodes[0], hosts[1].Addr(), fmt.Sprintf("%06d", i))
			}
			s.Run(time.Second)
			got := nodes[1].got
			if len(got) < tt.min || len(got) > tt.max {
				t.Errorf("%d of %d packets arrived, want %d to %d", len(got), count, tt.min, tt.max)
			}
			if slices.IsSorted(got) != tt.ordered {
				t.Errorf("in order: %v", !tt.ordered)
			}
		})
	}
}

func TestDeadlines(t *testing.T) {
	s, hosts, nodes := run(Config{}, 1)
	hosts[0].Do(func(now time.Time) { nodes[0].deadline = now.Add(time.Minute) })
	s.Run(59 * time.Second)
	if len(nodes[0].ticks) != 0 {
		t.Fatal("ticked early")
	}
	hosts[0].Do(func(now time.Time) { nodes[0].deadline = now.Add(10 * time.Second) })
	before := s.Hash()
	s.Run(time.Hour)
	if s.Hash() == before {
		t.Error("the hash does not show a tick")
	}
	if want := []time.Time{Start.Add(69 * time.Second)}; !slices.Equal(nodes[0].ticks, want) {
		t.Errorf("ticks at %v, want %v", nodes[0].ticks, want)
	}
	hosts[0].Do(func(now time.Time) { nodes[0].deadline = now.Add(-time.Hour) })
	s.Run(0)
	if got := nodes[0].ticks[1:]; len(got) != 1 || got[0] != s.Now() {
		t.Errorf("a deadline in the past ticked at %v", got)
	}
	hosts[0].Do(func(now time.Time) { nodes[0].deadline = now.Add(time.Second) })
	hosts[0].Stop()
	s.Run(time.Hour)
	if len(nodes[0].ticks) != 2 {
		t.Error("a stopped host ticks")
	}
}

// TestTimersFireInOrder sets, moves and removes many deadlines.
func TestTimersFireInOrder(t *testing.T) {
	s, hosts, nodes := run(Config{}, 200)
	rng := rand.New(rand.NewPCG(1, 2))
	want := make(map[int]time.Time)
	for range 2000 {
		i := rng.IntN(len(hosts))
		hosts[i].Do(func(now time.Time) {
			nodes[i].deadline = now.Add(time.Duration(rng.IntN(1000)) * time.Second)
			if rng.IntN(4) == 0 {
				nodes[i].deadline = time.Time{}
			}
			want[i] = nodes[i].deadline.Round(0)
		})
	}
	s.Run(time.Hour)
	for i, at := range want {
		if at.IsZero() && len(nodes[i].ticks) == 0 {
			continue
		}
		if len(nodes[i].ticks) != 1 || nodes[i].ticks[0] != at {
			t.Errorf("host %d ticked at %v, want %v", i, nodes[i].ticks, at)
		}
	}
}

func TestEndlessTicksAreReported(t *testing.T) {
	s := NewSim(Config{})
	h := s.NewHost()
	h.Start(&stuck{})
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "again and again") {
			t.Errorf("recovered %v", r)
		}
	}()
	s.Run(time.Second)
	t.Error("time went on")
}

// stuck is a node whose deadline is always in the past.
type stuck struct{ script }

func (*stuck) Tick(time.Time)          {}
func (*stuck) NextDeadline() time.Time { return Start }

func TestClock(t *testing.T) {
	s, hosts, nodes := run(Config{}, 2)
	hosts[1].SetClock(-time.Hour)
	tell(hosts[0], nodes[0], hosts[1].Addr(), "a")
	hosts[1].Do(func(now time.Time) { nodes[1].deadline = now.Add(time.Minute) })
	s.Run(2 * time.Minute)
	if nodes[1].times[0] != Start.Add(-time.Hour) {
		t.Errorf("the packet came at %v by the host's clock", nodes[1].times[0])
	}
	if want := Start.Add(time.Minute - time.Hour); nodes[1].ticks[0] != want {
		t.Errorf("tick at %v, want %v", nodes[1].ticks[0], want)
	}
	before := hosts[1].Now()
	hosts[1].Do(func(now time.Time) { nodes[1].deadline = now.Add(time.Hour) })
	hosts[1].SetClock(0)
	s.Run(59 * time.Minute)
	if len(nodes[1].ticks) != 1 {
		t.Error("a deadline moved with the wall clock")
	}
	now := hosts[1].Now()
	if wall, passed := now.Round(0).Sub(before.Round(0)), now.Sub(before); wall != 119*time.Minute || passed != 59*time.Minute {
		t.Errorf("the wall clock went %v, the monotonic one %v", wall, passed)
	}
}

func TestSleep(t *testing.T) {
	s, hosts, nodes := run(Config{}, 2)
	hosts[1].Do(func(now time.Time) { nodes[1].deadline = now.Add(time.Minute) })
	s.Run(30 * time.Second)
	before := hosts[1].Now()
	hosts[1].Sleep()
	tell(hosts[0], nodes[0], hosts[1].Addr(), "a")
	tell(hosts[1], nodes[1], hosts[0].Addr(), "b")
	s.Run(time.Hour)
	if hosts[1].Running() || len(nodes[1].got)+len(nodes[1].ticks)+len(nodes[0].got) > 0 {
		t.Error("a machine that is asleep is on the network")
	}
	hosts[1].Wake()
	if now := hosts[1].Now(); now.Sub(before) != 0 || now.Round(0).Sub(before.Round(0)) != time.Hour {
		t.Errorf("it was %v, and is %v after an hour of sleep", before, now)
	}
	s.Run(29 * time.Second)
	if len(nodes[0].got) != 1 || len(nodes[1].ticks) != 0 {
		t.Errorf("after it woke: %d packets, %d ticks", len(nodes[0].got), len(nodes[1].ticks))
	}
	s.Run(time.Second)
	if len(nodes[1].ticks) != 1 {
		t.Error("the deadline did not go on where it was")
	}
	hosts[1].Sleep()
	hosts[1].Stop()
	hosts[1].Start(nodes[1])
	if !hosts[1].Running() {
		t.Error("a machine that was stopped in its sleep does not start")
	}
}

func TestPartition(t *testing.T) {
	s, hosts, nodes := run(Config{Link: Link{Latency: time.Millisecond}}, 4)
	all := func() (got string) {
		for i, a := range hosts {
			for j, b := range hosts {
				if i != j {
					tell(a, nodes[i], b.Addr(), fmt.Sprintf("%d>%d", i, j))
				}
			}
		}
		s.Run(time.Second)
		var list []string
		for _, n := range nodes {
			list = append(list, n.got...)
			n.got = nil
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	s.Partition(hosts[:2])
	if got, want := all(), "0>1 1>0 2>3 3>2"; got != want {
		t.Errorf("in two halves: %s", got)
	}
	s.Partition(hosts[:1], hosts[1:3])
	if got, want := all(), "1>2 2>1"; got != want {
		t.Errorf("in three parts: %s", got)
	}
	s.Heal()
	if got := strings.Fields(all()); len(got) != 12 {
		t.Errorf("healed: %s", got)
	}
	tell(hosts[0], nodes[0], hosts[3].Addr(), "late")
	s.Partition(hosts[:2])
	s.Run(time.Second)
	if len(nodes[3].got) != 0 {
		t.Error("a packet on its way crossed the cut")
	}
}

func TestStopAndStart(t *testing.T) {
	s, hosts, nodes := run(Config{}, 2)
	hosts[1].Stop()
	tell(hosts[0], nodes[0], hosts[1].Addr(), "ping 1")
	s.Run(time.Second)
	second := new(script)
	hosts[1].Start(second)
	tell(hosts[0], nodes[0], hosts[1].Addr(), "ping 2")
	s.Run(time.Second)
	if !slices.Equal(nodes[0].got, []string{"pong 2"}) || len(nodes[1].got) != 0 || len(second.got) != 1 {
		t.Errorf("got %q, the old node %q, the new one %q", nodes[0].got, nodes[1].got, second.got)
	}
}

func TestSetAddrs(t *testing.T) {
	s, hosts, nodes := run(Config{}, 2)
	old := hosts[1].Addr()
	moved := netip.MustParseAddrPort("9.9.9.9:9")
	hosts[1].SetAddrs(moved, netip.MustParseAddrPort("[2001:db8::9]:9"))
	tell(hosts[0], nodes[0], old, "ping 1")
	tell(hosts[0], nodes[0], moved, "ping 2")
	tell(hosts[0], nodes[0], hosts[1].port.addrs[1], "ping 3") // has no IPv6 address itself
	s.Run(time.Second)
	if !slices.Equal(nodes[0].got, []string{"pong 2"}) || nodes[0].from[0] != moved {
		t.Errorf("got %q from %v", nodes[0].got, nodes[0].from)
	}
	if got := s.Stats().Refused; got != 2 {
		t.Errorf("%d packets refused, want 2", got)
	}
	hosts[0].Stop()
	hosts[1].SetAddrs(hosts[0].Addr())
	defer func() {
		if recover() == nil {
			t.Error("two hosts run at one address")
		}
	}()
	hosts[0].Start(nodes[0])
}

func TestWatch(t *testing.T) {
	var seen []string
	s, hosts, nodes := run(Config{Watch: func(e Event) {
		seen = append(seen, fmt.Sprintf("%d %v %s", e.Kind, e.At, e.Packet))
	}, Path: func(from, _ netip.AddrPort) Link {
		if from.Addr().As4()[2] == 0 {
			return Link{Latency: time.Second}
		}
		return Link{Loss: 1}
	}}, 2)
	tell(hosts[0], nodes[0], hosts[1].Addr(), "ping")
	s.Run(time.Minute)
	want := []string{"0 0s ping", "2 1s ping", "0 1s pong", "1 1s pong"}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}

// gossip is a Node that sends to random others at random times, for ever.
type gossip struct {
	rng      *rand.Rand
	peers    []*Host
	deadline time.Time
	count    uint64
	buf      [64]byte
	out      []netip.AddrPort
}

func (g *gossip) Handle(_ time.Time, from netip.AddrPort, p []byte) {
	if g.count += binary.BigEndian.Uint64(p); g.count%4 != 0 {
		g.out = append(g.out, from)
	}
}

func (g *gossip) Tick(now time.Time) {
	g.out = append(g.out, g.peers[g.rng.IntN(len(g.peers))].Addr())
	g.deadline = now.Add(time.Duration(g.rng.Int64N(int64(time.Second))))
}

func (g *gossip) NextDeadline() time.Time { return g.deadline }

func (g *gossip) Drain(send func(netip.AddrPort, []byte)) {
	for _, to := range g.out {
		g.count++
		binary.BigEndian.PutUint64(g.buf[:], g.count)
		send(to, g.buf[:])
	}
	g.out = g.out[:0]
}

// gossipers returns a sim of n hosts that gossip over an imperfect network.
func gossipers(seed uint64, n int) *Sim {
	s := NewSim(Config{Seed: seed, Link: Link{
		Latency: 10 * time.Millisecond, Spread: 50 * time.Millisecond, Jitter: 5 * time.Millisecond,
		Loss: 0.05, Duplicate: 0.01, Reorder: 0.01,
	}})
	hosts := make([]*Host, n)
	for i := range hosts {
		hosts[i] = s.NewHost()
	}
	for i, h := range hosts {
		h.Start(&gossip{rng: rand.New(rand.NewPCG(uint64(i), 7)), peers: hosts, deadline: Start})
	}
	return s
}

func TestSameSeedSameRun(t *testing.T) {
	play := func(seed uint64) (uint64, Stats) {
		s := gossipers(seed, 50)
		s.Run(10 * time.Second)
		s.Partition(s.hosts[:10], s.hosts[10:20])
		s.hosts[30].Stop()
		s.Run(10 * time.Second)
		return s.Hash(), s.Stats()
	}
	hash, stats := play(1)
	if again, stats2 := play(1); again != hash || stats2 != stats {
		t.Errorf("the same seed gave %x and %x, %+v and %+v", hash, again, stats, stats2)
	}
	if other, _ := play(2); other == hash {
		t.Error("another seed gave the same run")
	}
	if stats.Lost == 0 || stats.Refused == 0 || stats.Delivered == 0 {
		t.Errorf("nothing to see: %+v", stats)
	}
}

func TestUntil(t *testing.T) {
	s, hosts, nodes := run(Config{Link: Link{Latency: time.Second}}, 2)
	tell(hosts[0], nodes[0], hosts[1].Addr(), "ping")
	arrived := func() bool { return len(nodes[0].got) > 0 }
	if s.Until(1500*time.Millisecond, arrived) {
		t.Error("done too early")
	}
	if !s.Until(time.Minute, arrived) || s.Now() != Start.Add(2*time.Second) {
		t.Errorf("not done at %v", s.Now())
	}
}

// BenchmarkPackets measures one packet through a network of 1000 hosts.
func BenchmarkPackets(b *testing.B) {
	s := gossipers(1, 1000)
	s.Run(5 * time.Second)
	before := s.Stats().Sent
	b.ReportAllocs()
	for b.Loop() {
		s.Run(time.Millisecond)
	}
	packets := s.Stats().Sent - before
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
}

func TestPacketsDoNotAllocate(t *testing.T) {
	s := gossipers(1, 50)
	s.Run(time.Minute)
	before := s.Stats().Sent
	allocs := testing.AllocsPerRun(10, func() { s.Run(time.Second) })
	packets := float64(s.Stats().Sent-before) / 11
	if allocs > packets/100 {
		t.Errorf("%v allocations for %v packets", allocs, packets)
	}
}
