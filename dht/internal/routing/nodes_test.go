package routing

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
)

func TestGood(t *testing.T) {
	ago := func(d time.Duration) time.Time { return start.Add(-d) }
	tests := []struct {
		name          string
		node          Node
		good, dubious bool
	}{
		{"never heard", Node{}, false, true},
		{"heard, never answered", Node{Heard: start}, false, true},
		{"answered now", Node{Heard: start, Replied: start}, true, false},
		{"answered long ago, heard lately", Node{Heard: ago(9 * time.Minute), Replied: ago(119 * time.Minute)}, true, false},
		{"silent for ten minutes", Node{Heard: ago(10 * time.Minute), Replied: ago(10 * time.Minute)}, false, true},
		{"answered two hours ago", Node{Heard: start, Replied: ago(2 * time.Hour)}, false, true},
		{"expired", Node{Heard: start, Replied: start, Expired: true}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.node.Good(start); got != tt.good {
				t.Errorf("Good = %v", got)
			}
			if got := tt.node.Dubious(start); got != tt.dubious {
				t.Errorf("Dubious = %v", got)
			}
		})
	}
}

func TestHearAnswerFail(t *testing.T) {
	var n Node
	n.Fail()
	n.Fail()
	if !n.Expired || n.Failures != 2 {
		t.Errorf("after two failures: %+v", n)
	}
	n.Hear(start)
	if n.Expired || n.Failures != 2 || n.Good(start) {
		t.Errorf("after being heard: %+v", n)
	}
	n.Answer(start)
	if n.Failures != 0 || !n.Good(start) {
		t.Errorf("after an answer: %+v", n)
	}
}

func TestNodesHaveOneRecordPerID(t *testing.T) {
	nodes := NewNodes(rand.New(rand.NewPCG(1, 2)))
	id := infohash.SumString("a")
	n := nodes.Add(start, id, publicAddr(1))
	if nodes.Add(start, id, publicAddr(2)) != n || nodes.Len() != 1 || nodes.Get(id) != n {
		t.Error("a second Add made another record")
	}
	if n.Addr != publicAddr(1) {
		t.Error("a second Add changed the address")
	}
	nodes.Move(n, publicAddr(2))
	if n.Addr != publicAddr(2) {
		t.Error("Move did not change the address")
	}
}

// checkNodes compares the parts of a set with each other.
func checkNodes(t interface{ Fatalf(string, ...any) }, s *Nodes) {
	if len(s.byID) != len(s.ordered) || len(s.byID) > maxNodes {
		t.Fatalf("%d nodes by id, %d ordered", len(s.byID), len(s.ordered))
	}
	for i := 1; i < len(s.ordered); i++ {
		if s.ordered[i-1].node.ID.Compare(s.ordered[i].node.ID) >= 0 {
			t.Fatalf("order is broken at %d", i)
		}
	}
	crowds := make(map[netip.Prefix]int)
	queued := 0
	for _, e := range s.ordered {
		n := e.node
		if s.byID[n.ID] != n {
			t.Fatalf("node %s is in the wrong place", n.ID)
		}
		if n.queued {
			queued++
		}
		if network, ok := Network(n.Addr.Addr()); ok {
			crowds[network]++
		}
	}
	inQueue := 0
	for n := s.strangers.first; n != nil; n = n.next {
		inQueue++
	}
	if inQueue != queued || inQueue != s.strangers.len {
		t.Fatalf("a queue of %d has %d nodes, %d think so", s.strangers.len, inQueue, queued)
	}
	if len(crowds) != len(s.crowds) {
		t.Fatalf("%d networks are counted, there are %d", len(s.crowds), len(crowds))
	}
	for network, n := range crowds {
		if s.crowds[network] != n {
			t.Fatalf("network %v counts %d, has %d", network, s.crowds[network], n)
		}
	}
}

func TestStrangersDoNotDisplaceAnyoneKnown(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	nodes, table := NewNodes(rng), NewTable(randomID(rng), false, rng)
	grow(start, table, nodes, maxNodes/2, rng)
	var members []*Node
	for _, e := range table.members {
		members = append(members, e.node)
		e.node.Fail() // even so they are kept
	}
	good := slices.Collect(func(yield func(*Node) bool) {
		for _, e := range nodes.ordered {
			if e.node.Good(start) && !yield(e.node) {
				return
			}
		}
	})
	for i := range 5 * maxNodes {
		n := nodes.Add(start, randomID(rng), publicAddr(i))
		n.Hear(start)
		table.Offer(start, n)
	}
	checkNodes(t, nodes)
	if nodes.Len() != maxNodes {
		t.Errorf("%d nodes after the flood, want %d", nodes.Len(), maxNodes)
	}
	for _, n := range slices.Concat(members, good) {
		if nodes.Get(n.ID) != n {
			t.Fatalf("node %s was pushed out", n.ID)
		}
	}
	if table.Len() != len(members) {
		t.Errorf("the table went from %d to %d members", len(members), table.Len())
	}
}

// TestMembersAreKept lets members of a table that are of no use at present
// compete with strangers, and with acquaintances only.
func TestMembersAreKept(t *testing.T) {
	for _, answers := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(11, 12))
		nodes, table := NewNodes(rng), NewTable(randomID(rng), true, rng)
		grow(start, table, nodes, maxNodes, rng)
		nodes.Reset()
		for _, e := range table.members {
			e.node.Fail()
		}
		for i := range 2 * maxNodes {
			n := nodes.Add(start, randomID(rng), publicAddr(i))
			if answers {
				n.Answer(start)
			}
		}
		checkNodes(t, nodes)
		for _, e := range table.members {
			if nodes.Get(e.node.ID) != e.node {
				t.Fatalf("a member was given up; newcomers answer: %v", answers)
			}
		}
	}
}

// TestNewMembersAreKept has a member that came to be one without an answer on
// record: it answered before a reset.
func TestNewMembersAreKept(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	nodes, table := NewNodes(rng), NewTable(randomID(rng), false, rng)
	grow(start, table, nodes, 1, rng)
	member := table.members[0].node
	member.reset()
	for i := range 2 * maxNodes {
		nodes.Add(start, randomID(rng), publicAddr(i))
	}
	if nodes.Get(member.ID) != member {
		t.Error("a member was given up as a stranger")
	}
}

// TestOneNetworkDisplacesItself lets one network that answers for as many ids as
// it likes compete with nodes of many networks.
func TestOneNetworkDisplacesItself(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	nodes := NewNodes(rng)
	honest := make([]*Node, maxNodes)
	for i := range honest {
		honest[i] = nodes.Add(start, randomID(rng), publicAddr(i))
		honest[i].Answer(start)
	}
	for range 5 * maxNodes {
		n := nodes.Add(start, randomID(rng), netip.MustParseAddrPort("200.1.2.3:4222"))
		n.Answer(start)
	}
	checkNodes(t, nodes)
	lost := 0
	for _, n := range honest {
		if nodes.Get(n.ID) != n {
			lost++
		}
	}
	if lost > maxNodes/3 {
		t.Errorf("one network pushed out %d of %d good nodes", lost, len(honest))
	}
}

func TestExpiredAcquaintancesGoFirst(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	nodes := NewNodes(rng)
	all := make([]*Node, maxNodes)
	for i := range all {
		all[i] = nodes.Add(start, randomID(rng), publicAddr(i))
		all[i].Answer(start)
		if i%2 == 0 {
			all[i].Fail()
		}
	}
	for i := range maxNodes / 8 {
		nodes.Add(start, randomID(rng), publicAddr(maxNodes+i)).Answer(start)
	}
	for i, n := range all {
		if i%2 == 1 && nodes.Get(n.ID) == nil {
			t.Fatal("a live node was given up for a newcomer, with expired ones at hand")
		}
	}
}

func TestStrangerBeingAskedIsKept(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	nodes := NewNodes(rng)
	first := nodes.Add(start, randomID(rng), publicAddr(0))
	first.Requested = start
	for i := range 2 * maxNodes {
		nodes.Add(start.Add(time.Second), randomID(rng), publicAddr(i))
	}
	if nodes.Get(first.ID) == nil {
		t.Error("a node that may be about to answer was given up")
	}
}

func TestNodesReset(t *testing.T) {
	nodes := NewNodes(rand.New(rand.NewPCG(1, 2)))
	n := nodes.Add(start, infohash.SumString("a"), publicAddr(1))
	n.Answer(start)
	n.Fail()
	nodes.Reset()
	if n.Expired || n.Good(start) || !n.Dubious(start) || n.Failures != 0 {
		t.Errorf("after Reset: %+v", n)
	}
	if n.queued {
		t.Error("after Reset a node that had answered counts as a stranger")
	}
	checkNodes(t, nodes)
}

// bruteForce is what closest must return.
func bruteForce(all []*Node, target infohash.Hash, n int, keep func(*Node) bool) []*Node {
	var kept []*Node
	for _, x := range all {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	slices.SortFunc(kept, func(a, b *Node) int { return target.CompareDistance(a.ID, b.ID) })
	return kept[:min(n, len(kept))]
}

// genID draws ids that often share long prefixes, up to all but the last bits.
func genID(near infohash.Hash) *rapid.Generator[infohash.Hash] {
	return rapid.Custom(func(t *rapid.T) infohash.Hash {
		shared := rapid.SampledFrom([]int{0, 0, 1, 2, 7, 62, 64, 65, 150, 157}).Draw(t, "shared")
		id := near
		tail := rapid.Uint64().Draw(t, "tail")
		for bit := shared; bit < infohash.Bits && bit < shared+64; bit++ {
			id = id.WithBit(bit, tail>>(bit-shared)&1 == 1)
		}
		return id
	})
}

func TestClosestEqualsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := infohash.SumString("own")
		nodes := NewNodes(rand.New(rand.NewPCG(1, 2)))
		var all []*Node
		for i, id := range rapid.SliceOfNDistinct(genID(own), 0, 120, rapid.ID[infohash.Hash]).Draw(t, "ids") {
			n := nodes.Add(start, id, publicAddr(i))
			n.Expired = rapid.IntRange(0, 3).Draw(t, "state") == 0
			all = append(all, n)
		}
		target := genID(own).Draw(t, "target")
		k := rapid.IntRange(0, 20).Draw(t, "n")
		head := []*Node{{}}
		got := nodes.Closest(target, k, head, (*Node).Live)
		if got[0] != head[0] || !slices.Equal(got[1:], bruteForce(all, target, k, (*Node).Live)) {
			t.Fatalf("Closest(%s, %d) differs from brute force", target, k)
		}
	})
}
