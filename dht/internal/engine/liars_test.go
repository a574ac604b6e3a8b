package engine

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
	"rollcall/internal/simnet"
)

// A fifth of the nodes, all over the network, have no values and name nobody, or
// those of their own kind that are closest to what is looked for.
func TestAFifthOfTheNodesLie(t *testing.T) {
	const size, keys = 120, 8
	for _, lie := range []string{"nobody", "each other"} {
		t.Run("naming "+lie, func(t *testing.T) {
			s := newSwarm(t, 22, size, simnet.Link{Latency: 20 * time.Millisecond})
			var liars []infohash.Hash
			addr := func(i int) netip.AddrPort {
				return netip.AddrPortFrom(netip.AddrFrom4([4]byte{98, byte(i), 1, 1}), 4222)
			}
			for range size / 4 {
				var id infohash.Hash
				for k := range id {
					id[k] = byte(s.rng.Uint32())
				}
				liars = append(liars, id)
			}
			name := func(target infohash.Hash) (named []byte) {
				if lie == "nobody" {
					return nil
				}
				byDistance := s.rng.Perm(len(liars))
				slices.SortFunc(byDistance, func(a, b int) int { return target.CompareDistance(liars[a], liars[b]) })
				for _, i := range byDistance[:8] {
					named = wire.AppendNode(named, liars[i], addr(i))
				}
				return named
			}
			for i, id := range liars {
				s.invade(addr(i), id, size/2, name)
			}
			s.sim.Run(5 * time.Minute)
			s.putAll(keys)
			s.expectRight(0.99, keys, 40)
		})
	}
}
