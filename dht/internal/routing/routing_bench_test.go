package routing

import (
	"math/rand/v2"
	"testing"

	"rollcall/dht/infohash"
)

func BenchmarkClosest(b *testing.B) {
	table, _, rng := bigTable()
	targets := make([]infohash.Hash, 1024)
	for i := range targets {
		targets[i] = randomID(rng)
	}
	dst := make([]*Node, 0, 8)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dst = table.Closest(start, targets[i%len(targets)], 8, dst[:0])
	}
}

func BenchmarkOfferMember(b *testing.B) {
	table, nodes, _ := bigTable()
	n := nodes.Get(table.members[7].node.ID)
	b.ReportAllocs()
	for b.Loop() {
		table.Offer(start, n)
	}
}

func BenchmarkOfferFull(b *testing.B) {
	table, nodes, rng := bigTable()
	grow(start, table, nodes, 3000, rng)
	all := make([]*Node, 1024)
	for i := range all {
		all[i] = nodes.Add(start, randomID(rng), publicAddr(10000+i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		table.Offer(start, all[i%len(all)])
	}
}

func BenchmarkNodesGet(b *testing.B) {
	_, nodes, _ := bigTable()
	id := nodes.ordered[7].node.ID
	b.ReportAllocs()
	for b.Loop() {
		nodes.Get(id)
	}
}

func BenchmarkNodesAddFull(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	nodes := NewNodes(rng)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		nodes.Add(start, randomID(rng), publicAddr(i&0xffff))
	}
}

func BenchmarkNodesClosest(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	nodes := NewNodes(rng)
	for i := range maxNodes {
		nodes.Add(start, randomID(rng), publicAddr(i))
	}
	targets := make([]infohash.Hash, 1024)
	for i := range targets {
		targets[i] = randomID(rng)
	}
	dst := make([]*Node, 0, 14)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dst = nodes.Closest(targets[i%len(targets)], 14, dst[:0], (*Node).Live)
	}
}

func BenchmarkMaintain(b *testing.B) {
	table, _, _ := bigTable()
	now := start.Add(growthLife)
	b.ReportAllocs()
	for b.Loop() {
		table.Maintain(now, nil)
	}
}
