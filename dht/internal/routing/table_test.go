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

// checkTable holds a table to what it promises at all times.
func checkTable(t interface{ Fatalf(string, ...any) }, table *Table) {
	networks := make(map[netip.Prefix]int)
	seen := 0
	for i := range table.buckets {
		b := &table.buckets[i]
		lo, hi := table.span(i)
		if lo != seen || hi-lo > bucketSize {
			t.Fatalf("bucket %d holds members %d to %d, after %d", i, lo, hi, seen)
		}
		seen = hi
		inBucket := make(map[netip.Prefix]int)
		for _, e := range table.members[lo:hi] {
			if e.node.ID.CommonBits(b.prefix) < b.depth || table.find(e.node.ID) != i {
				t.Fatalf("node %s is in bucket %s/%d", e.node.ID, b.prefix, b.depth)
			}
			if !e.node.member {
				t.Fatalf("node %s does not know that it is a member", e.node.ID)
			}
			if network, ok := Network(e.node.Addr.Addr()); ok {
				inBucket[network]++
				networks[network]++
			}
		}
		for network, n := range inBucket {
			if n > maxPerBucket {
				t.Fatalf("bucket %d has %d nodes of %v", i, n, network)
			}
		}
		own := table.own.CommonBits(b.prefix) >= b.depth
		sibling := b.depth == 0 || table.own.CommonBits(b.prefix) >= b.depth-1
		if !own && !sibling && (!table.bootstrap || b.depth > bootstrapDepth) {
			t.Fatalf("bucket %s/%d should not have been split off", b.prefix, b.depth)
		}
	}
	if seen != len(table.members) {
		t.Fatalf("buckets hold %d of %d members", seen, len(table.members))
	}
	for network, n := range networks {
		if n > maxPerTable {
			t.Fatalf("the table has %d nodes of %v", n, network)
		}
	}
}

// TestTableUnderRandomUse drives a table with random messages, answers,
// failures and moves, and compares it with a plain list of its members.
func TestTableUnderRandomUse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own := infohash.SumString("own")
		rng := rand.New(rand.NewPCG(1, 1))
		table := NewTable(own, rapid.Bool().Draw(t, "bootstrap"), rng)
		nodes := NewNodes(rng)
		now := start
		var all []*Node
		anyone := func(t *rapid.T) *Node {
			if len(all) == 0 {
				t.Skip("nobody is known")
			}
			return rapid.SampledFrom(all).Draw(t, "node")
		}
		address := func(t *rapid.T) netip.AddrPort {
			return publicAddr(rapid.IntRange(0, 40).Draw(t, "network"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"newcomers": func(t *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(t, "count") {
					n := nodes.Add(now, genID(own).Draw(t, "id"), address(t))
					if nodes.Len() > len(all) {
						all = append(all, n)
					}
					n.Hear(now)
					if rapid.Bool().Draw(t, "answers") {
						n.Answer(now)
					}
					table.Offer(now, n)
				}
			},
			"answer": func(t *rapid.T) {
				n := anyone(t)
				n.Answer(now)
				table.Offer(now, n)
				if _, ping := table.Offer(now, n); ping == n {
					t.Fatalf("a node that has answered is to be pinged")
				}
			},
			"expiry": func(t *rapid.T) {
				n := anyone(t)
				n.Fail()
				if ping := table.Lost(now, n); ping != nil && (ping.member || !ping.Live()) {
					t.Fatalf("a useless node is to be pinged")
				}
			},
			"move": func(t *rapid.T) {
				n := anyone(t)
				table.Remove(n)
				nodes.Move(n, address(t))
				table.Offer(now, n)
			},
			"client": func(t *rapid.T) { anyone(t).Client = true },
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "passed")))
			},
			"reset": func(*rapid.T) {
				nodes.Reset()
				table.Reset()
			},
			"maintenance": func(t *rapid.T) {
				if ask, ok := table.Maintain(now, nil); ok && (ask.Node == nil || ask.Node.Client || !ask.Node.member) {
					t.Fatalf("a request to a node that is none of the table's: %+v", ask)
				}
			},
			"": func(t *rapid.T) {
				checkTable(t, table)
				checkNodes(t, nodes)
				good := func(n *Node) bool { return n.member && n.Good(now) && !n.Client }
				target := genID(own).Draw(t, "target")
				if !slices.Equal(table.Closest(now, target, 8, nil), bruteForce(all, target, 8, good)) {
					t.Fatalf("Closest(%s) differs from brute force", target)
				}
				if len(table.Export(now, nil)) != table.Counts(now).Good {
					t.Fatalf("Export and Counts disagree")
				}
			},
		})
	})
}

// fill returns a table whose bucket of the half that own is not in is full of
// good nodes, and these.
func fill(own infohash.Hash) (table *Table, nodes *Nodes, far []*Node) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, nodes = NewTable(own, false, rng), NewNodes(rng)
	for i := range 2 * bucketSize {
		n := nodes.Add(start, distant(own, byte(i)).WithBit(0, own.Bit(0) != (i < bucketSize)), publicAddr(i))
		n.Answer(start)
		if added, _ := table.Offer(start, n); !added {
			panic("a bucket is full too early")
		}
		if i < bucketSize {
			far = append(far, n)
		}
	}
	return table, nodes, far
}

// distant returns an id that differs from own in the first bit.
func distant(own infohash.Hash, i byte) infohash.Hash {
	id := infohash.Sum([]byte{i})
	return id.WithBit(0, !own.Bit(0))
}

func TestFullBucketPrefersLiveNodes(t *testing.T) {
	own := infohash.SumString("own")
	table, nodes, far := fill(own)
	newcomer := nodes.Add(start, distant(own, 100), publicAddr(100))
	newcomer.Answer(start)

	if added, ping := table.Offer(start, newcomer); added || ping != nil {
		t.Fatalf("among good nodes: added %v, ping %v", added, ping)
	}
	if c := table.Counts(start); c.Cached != 1 {
		t.Errorf("%d newcomers wait, want 1", c.Cached)
	}

	later := start.Add(heardLife)
	for _, n := range far {
		n.Hear(later)
	}
	far[3].Heard = start
	newcomer.Answer(later)
	if added, ping := table.Offer(later, newcomer); added || ping != far[3] {
		t.Fatalf("with a dubious node: added %v, ping %v", added, ping)
	}
	far[3].Requested = later
	if _, ping := table.Offer(later, newcomer); ping != nil {
		t.Fatal("a node that was just pinged is to be pinged again")
	}

	far[3].Fail()
	if ping := table.Lost(later, far[3]); ping != newcomer {
		t.Fatalf("after the dubious node has expired: ping %v", ping)
	}
	if ping := table.Lost(later, far[3]); ping != nil {
		t.Fatal("the newcomer is to be pinged twice")
	}
	newcomer.Answer(later)
	if added, _ := table.Offer(later, newcomer); !added || far[3].member {
		t.Fatal("the expired node was not replaced")
	}
	checkTable(t, table)
}

func TestSilentNodesGoFirst(t *testing.T) {
	own := infohash.SumString("own")
	table, nodes, far := fill(own)
	slices.SortFunc(far, func(a, b *Node) int { return a.ID.Compare(b.ID) })
	later := start.Add(heardLife + time.Minute)
	for i, n := range far {
		n.Heard = start.Add(time.Duration((i+4)%8) * time.Second) // far[4] is silent for longest
	}
	newcomer := nodes.Add(later, distant(own, 100), publicAddr(100))
	newcomer.Answer(later)
	if _, ping := table.Offer(later, newcomer); ping != far[4] {
		t.Error("not the dubious node silent for longest is to be pinged")
	}
	far[3].Fail()
	far[4].Fail()
	far[5].Fail()
	if added, _ := table.Offer(later, newcomer); !added || far[4].member {
		t.Error("not the expired node silent for longest was replaced")
	}
}

func TestCachedNewcomers(t *testing.T) {
	own := infohash.SumString("own")
	table, nodes, far := fill(own)
	offer := func(i byte, answered bool) *Node {
		n := nodes.Add(start, distant(own, i), publicAddr(int(i)))
		n.Hear(start)
		if answered {
			n.Answer(start)
		}
		table.Offer(start, n)
		return n
	}
	offer(101, false)
	answered := offer(102, true)
	offer(103, true)
	offer(104, false)
	far[0].Fail()
	if ping := table.Lost(start, far[0]); ping != answered {
		t.Error("the place is not for the first newcomer that has answered")
	}
}

// TestSplit checks that a newcomer that waits stays with its half of a bucket.
func TestSplit(t *testing.T) {
	own := infohash.Hash{}
	rng := rand.New(rand.NewPCG(1, 2))
	table, nodes := NewTable(own, false, rng), NewNodes(rng)
	upper := nodes.Add(start, own.WithBit(0, true), publicAddr(1))
	lower := nodes.Add(start, own.WithBit(1, true), publicAddr(2))
	for _, n := range []*Node{upper, lower} {
		table.buckets = []bucket{{cached: n}}
		table.split(0)
		i := table.find(n.ID)
		if table.buckets[i].cached != n || table.buckets[1-i].cached != nil {
			t.Errorf("newcomer %s waits in the wrong half", n.ID)
		}
	}
}

// TestDiversityAfterSplit offers a node whose network has two others in the
// bucket, which will be in the other half once it is split.
func TestDiversityAfterSplit(t *testing.T) {
	own := infohash.Hash{}
	rng := rand.New(rand.NewPCG(1, 2))
	table, nodes := NewTable(own, false, rng), NewNodes(rng)
	add := func(i byte, far bool, addr netip.AddrPort) bool {
		n := nodes.Add(start, infohash.Sum([]byte{i}).WithBit(0, far), addr)
		n.Answer(start)
		added, _ := table.Offer(start, n)
		return added
	}
	crowd := netip.MustParseAddrPort("200.1.2.3:4222")
	for i := range byte(bucketSize) {
		addr := publicAddr(int(i))
		if i < maxPerBucket {
			addr = crowd
		}
		if !add(i, true, addr) {
			t.Fatal("a bucket is full too early")
		}
	}
	if !add(100, false, crowd) {
		t.Error("a node was refused for neighbours that it does not have")
	}
}

func TestBootstrapNodeKnowsMore(t *testing.T) {
	sizes := make(map[bool]int)
	for _, bootstrap := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(1, 2))
		table, nodes := NewTable(randomID(rng), bootstrap, rng), NewNodes(rng)
		grow(start, table, nodes, 3000, rng)
		checkTable(t, table)
		sizes[bootstrap] = table.Len()
	}
	if sizes[true] < 1<<bootstrapDepth*bucketSize || sizes[false] > sizes[true]/3 {
		t.Errorf("a bootstrap node has %d nodes, another one %d", sizes[true], sizes[false])
	}
}

func TestStrangerIsPingedFirst(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, nodes := NewTable(infohash.SumString("own"), false, rng), NewNodes(rng)
	n := nodes.Add(start, infohash.SumString("n"), publicAddr(1))
	n.Hear(start)
	if added, ping := table.Offer(start, n); added || ping != n {
		t.Fatalf("added %v, ping %v; want a ping of the stranger", added, ping)
	}
	n.Requested = start
	if _, ping := table.Offer(start, n); ping != nil {
		t.Fatal("the stranger is to be pinged while it may still answer")
	}
	n.Client = true
	n.Answer(start)
	if added, ping := table.Offer(start, n); added || ping != nil {
		t.Fatal("a client got a place")
	}
	n.Client = false
	if added, _ := table.Offer(start, n); !added {
		t.Fatal("a node that answered got no place")
	}
}

func TestPrivateNetworksAreExempt(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, addr := range []string{"127.0.0.1:4222", "10.0.0.1:4222", "[fd00::1]:4222"} {
		table, nodes := NewTable(randomID(rng), false, rng), NewNodes(rng)
		for range 200 {
			n := nodes.Add(start, randomID(rng), netip.MustParseAddrPort(addr))
			n.Answer(start)
			table.Offer(start, n)
		}
		if table.Len() < 30 {
			t.Errorf("with 200 nodes at %s the table has %d", addr, table.Len())
		}
	}
}

// TestCrowdedNetwork lets every second node, at all distances, be of one network.
func TestCrowdedNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, nodes := NewTable(randomID(rng), false, rng), NewNodes(rng)
	for i := range 1000 {
		id := randomID(rng)
		for bit := range i / 2 % 20 {
			id = id.WithBit(bit, table.own.Bit(bit))
		}
		addr := netip.MustParseAddrPort("200.1.2.3:4222")
		if i%2 == 0 {
			addr = publicAddr(i)
		}
		n := nodes.Add(start, id, addr)
		n.Answer(start)
		table.Offer(start, n)
	}
	checkTable(t, table)
	crowd := 0
	for _, e := range table.members {
		if e.node.Addr.Addr() == netip.MustParseAddr("200.1.2.3") {
			crowd++
		}
	}
	if crowd != maxPerTable {
		t.Errorf("the table has %d nodes of one network, want %d", crowd, maxPerTable)
	}
}

func TestNetworkSize(t *testing.T) {
	for _, size := range []int{1, 5, 50, 500, 5000} {
		sum := 0
		const runs = 20
		for seed := range uint64(runs) {
			rng := rand.New(rand.NewPCG(seed, 2))
			table, nodes := NewTable(randomID(rng), false, rng), NewNodes(rng)
			grow(start, table, nodes, size-1, rng)
			sum += table.NetworkSize(start)
		}
		if got := sum / runs; got < size*2/3 || got > size*3/2 {
			t.Errorf("a network of %d is estimated at %d on average", size, got)
		}
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	table, nodes, rng := bigTable()
	dst := make([]*Node, 0, 14)
	target := randomID(rng)
	member := table.members[0].node
	stranger := nodes.Add(start, randomID(rng), publicAddr(9000))
	allocs := testing.AllocsPerRun(100, func() {
		dst = table.Closest(start, target, 8, dst[:0])
		dst = nodes.Closest(target, 14, dst[:0], (*Node).Live)
		table.Offer(start, nodes.Get(member.ID))
		table.Offer(start, stranger)
		table.HasGood(start)
		table.NetworkSize(start)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
