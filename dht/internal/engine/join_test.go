package engine

import (
	"encoding/binary"
	"testing"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/wire"
)

// The nodes that were kept over a restart, and those that are known when the network
// changes, are asked at once; not all of them, so that this is no burst.
func TestKnownNodesAreAskedAtOnce(t *testing.T) {
	l := newLone(t, nil)
	state := &wire.State{ID: l.id}
	for i := range 3 * strangersAtOnce {
		// Each begins with other bits, so that the table has room for all.
		var id infohash.Hash
		binary.BigEndian.PutUint16(id[:], uint16(i)<<10|1)
		state.Nodes = append(state.Nodes, wire.Node{ID: id, Addr: public(i)})
	}
	for _, what := range []struct {
		name string
		do   func()
	}{
		{"restored", func() { l.Restore(l.at, state) }},
		{"after a change of the network", func() { l.ConnectivityChanged(l.at) }},
	} {
		what.do()
		asked := l.handle(public(99), nil)
		if len(asked) != strangersAtOnce {
			t.Fatalf("%s: %d nodes are asked at once, want %d", what.name, len(asked), strangersAtOnce)
		}
		for i, g := range asked {
			if m := parse(t, g.data); m.Method != wire.Ping || what.name == "restored" && g.to != public(i) {
				t.Errorf("%s: the first datagrams are %v to %v, want a ping to %v", what.name, m.Method, g.to, public(i))
			}
		}
		if later := l.pass(strangerEvery); len(later) != strangersAtOnce {
			t.Errorf("%s: %d more after %v, want %d", what.name, len(later), strangerEvery, strangersAtOnce)
		}
		l.pass(2 * strangerPause)
	}
}
