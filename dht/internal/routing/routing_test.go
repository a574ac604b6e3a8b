package routing

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"rollcall/dht/infohash"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func randomID(rng *rand.Rand) (id infohash.Hash) {
	for i := 0; i < infohash.Size; i += 4 {
		binary.BigEndian.PutUint32(id[i:], rng.Uint32())
	}
	return id
}

// publicAddr returns the i-th of a list of addresses in different networks.
func publicAddr(i int) netip.AddrPort {
	i += 1 << 16 // 1.0.0.1
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}), 4222)
}

// grow offers n nodes with random ids that answer at once.
func grow(now time.Time, table *Table, nodes *Nodes, n int, rng *rand.Rand) {
	for i := range n {
		node := nodes.Add(now, randomID(rng), publicAddr(i))
		node.Answer(now)
		table.Offer(now, node)
	}
}

// bigTable returns a table of about 200 nodes.
func bigTable() (*Table, *Nodes, *rand.Rand) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, nodes := NewTable(randomID(rng), true, rng), NewNodes(rng)
	grow(start, table, nodes, 210, rng)
	return table, nodes, rng
}
