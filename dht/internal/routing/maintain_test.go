package routing

import (
	"math/rand/v2"
	"testing"
	"time"

	"rollcall/dht/infohash"
)

func TestMaintainEmptyTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := NewTable(randomID(rng), false, rng)
	if ask, ok := table.Maintain(start, nil); ok {
		t.Errorf("a table that knows nobody wants %+v", ask)
	}
}

func TestMaintainNeighbourhoodWhileGrowing(t *testing.T) {
	own := infohash.SumString("own")
	table, _, _ := fill(own)
	ask, ok := table.Maintain(start, nil)
	if !ok || ask.Target.CommonBits(own) < infohash.Bits-8 {
		t.Errorf("a table that grew wants %+v", ask)
	}
	if _, ok := table.Maintain(start.Add(growthLife), nil); ok {
		t.Error("a table of good nodes that has long stopped growing wants a request")
	}
}

// TestMaintainStaleBuckets checks that each bucket without a reply for ten
// minutes is asked in turn, about an id in its range.
func TestMaintainStaleBuckets(t *testing.T) {
	table, _, _ := fill(infohash.SumString("own"))
	now := start.Add(bucketLife)
	asked := make(map[int]int)
	for range len(table.buckets) {
		ask, ok := table.Maintain(now, nil)
		if !ok {
			t.Fatal("nothing is wanted although all buckets are stale")
		}
		asked[table.find(ask.Target)]++
		now = now.Add(time.Second)
	}
	if len(asked) != len(table.buckets) {
		t.Errorf("%d of %d buckets were asked: %v", len(asked), len(table.buckets), asked)
	}
	for _, e := range table.members {
		e.node.Requested = now
	}
	if ask, ok := table.Maintain(now, nil); ok {
		t.Errorf("a bucket is asked again at once: %+v", ask)
	}
	// The first bucket to be asked again is that asked longest ago.
	table.buckets[0].asked = table.buckets[1].asked.Add(time.Millisecond)
	if ask, ok := table.Maintain(now.Add(askPause), nil); !ok || table.find(ask.Target) != 1 {
		t.Errorf("a bucket is asked out of turn: %+v", ask)
	}
}

func TestMaintainKeepsNodesGood(t *testing.T) {
	own := infohash.SumString("own")
	table, _, far := fill(own)
	far[0].Hear(start.Add(-time.Minute))
	now := start.Add(silence - time.Minute)
	if ask, ok := table.Maintain(now, nil); !ok || ask.Node != far[0] {
		t.Errorf("want a request to the node that is about to be too silent, got %+v", ask)
	}
}

func TestMaintainAsksNeighbourBuckets(t *testing.T) {
	table, _, _ := fill(infohash.SumString("own"))
	now, beside := start, 0
	const rounds = 2000
	for range rounds {
		now = now.Add(bucketLife)
		if ask, _ := table.Maintain(now, nil); table.find(ask.Node.ID) != table.find(ask.Target) {
			beside++
		}
	}
	if beside < rounds/neighbourOdds/2 || beside > rounds/neighbourOdds*2 {
		t.Errorf("%d of %d requests go to a neighbour bucket", beside, rounds)
	}
}

func TestMaintainAsksExpiredNodesLast(t *testing.T) {
	table, _, _ := fill(infohash.SumString("own"))
	for _, e := range table.members[1:] {
		e.node.Fail()
	}
	last := table.members[0].node
	now := start.Add(bucketLife)
	for range len(table.buckets) {
		if ask, ok := table.Maintain(now, nil); !ok || ask.Node != last {
			t.Fatalf("want the only live node asked, got %+v", ask)
		}
	}
	last.Fail()
	if ask, ok := table.Maintain(now.Add(askPause), nil); !ok || ask.Node == nil {
		t.Errorf("after an outage nobody is asked: %+v", ask)
	}
}

func TestMaintainBothFamilies(t *testing.T) {
	table, _, _ := fill(infohash.SumString("own"))
	rng := rand.New(rand.NewPCG(1, 2))
	other := NewTable(table.own, false, rng)
	now := start.Add(bucketLife)
	if ask, _ := table.Maintain(now, other); !ask.Both {
		t.Error("nodes of the other family are not asked for although there is room for them")
	}
	full, _, _ := fill(table.own)
	both := 0
	const rounds = 2000
	for range rounds {
		now = now.Add(bucketLife)
		if ask, _ := table.Maintain(now, full); ask.Both {
			both++
		}
	}
	if both < rounds/bothOdds/2 || both > rounds/bothOdds*2 {
		t.Errorf("nodes of both families are asked for %d times in %d", both, rounds)
	}
}
