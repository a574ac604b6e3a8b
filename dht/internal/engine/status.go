package engine

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/internal/routing"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// Status tells how well a node is connected to the network.
type Status uint8

// The statuses (opendht spec 7.7).
const (
	Disconnected Status = iota // nobody is known to answer
	Connecting                 // nodes are known, or being asked, that may
	Connected                  // at least one node is good
)

// Status returns the status as of the last change.
func (e *Engine) Status() Status { return e.status }

// updateStatus reports a change of status.
func (e *Engine) updateStatus(now time.Time) {
	e.recount = false
	status := Disconnected
	for _, f := range e.families {
		switch {
		case f.table.HasGood(now):
			status = Connected
		case status == Disconnected && (f.table.HasDubious(now) || len(f.strangers) > 0 || e.contacting > 0):
			status = Connecting
		}
	}
	if status != e.status {
		e.status = status
		e.effect(Effect{Kind: Changed})
	}
}

// Traffic counts datagrams and their payload bytes.
type Traffic struct{ Packets, Bytes uint64 }

// Stats are the counters of an engine since it was made.
type Stats struct {
	Received, Sent Traffic
	Served         [wire.Update + 1]uint64 // requests by method
	Requests       uint64                  // datagrams of own requests, repeats included
	Expired        uint64                  // own requests that nobody answered
	Refused        uint64                  // requests answered with an error
	Pushed         uint64                  // updates sent to listeners
	Republished    uint64                  // values handed on to other nodes
	Dropped        Dropped
}

// Dropped counts what was received and not acted on, by reason.
type Dropped struct {
	Martian    uint64 // from an address that cannot be answered
	Malformed  uint64 // not a message of the protocol
	Network    uint64 // of another network
	Limited    uint64 // over a rate limit
	Unexpected uint64 // answers to nothing
	Values     uint64 // values that could not be read or were not storable
	Checks     uint64 // signed values that found the queue of checks full
	Signatures uint64 // values with a bad signature
	Listeners  uint64 // listens over a bound
}

// Stats returns the counters.
func (e *Engine) Stats() Stats { return e.stats }

// FamilyInfo describes the routing of one address family.
type FamilyInfo struct {
	IPv6        bool
	Nodes       routing.Counts
	Known       int // records of any state
	Searches    int
	NetworkSize int // estimate
	Public      []netip.Addr
}

// Info describes the present state of an engine.
type Info struct {
	Families   []FamilyInfo
	Storage    storage.Stats
	Operations int
	Pending    int // own requests in flight
}

// Info returns the present state.
func (e *Engine) Info(now time.Time) Info {
	info := Info{Storage: e.store.Stats(), Operations: len(e.ops), Pending: len(e.requests.byTID)}
	for _, f := range e.families {
		info.Families = append(info.Families, FamilyInfo{
			IPv6: f.v6, Nodes: f.table.Counts(now), Known: f.nodes.Len(), Searches: len(f.searches),
			NetworkSize: f.table.NetworkSize(now), Public: f.reported.Addrs(nil),
		})
	}
	return info
}

// ExportNodes returns the id and the good nodes, those nearest to the own id first.
func (e *Engine) ExportNodes(now time.Time) *wire.State {
	state := &wire.State{ID: e.id}
	for _, f := range e.families {
		for _, n := range f.table.Export(now, nil) {
			state.Nodes = append(state.Nodes, wire.Node{ID: n.ID, Addr: n.Addr})
		}
	}
	return state
}

// Export returns what to keep over a restart: what ExportNodes does, and the
// values held for others.
func (e *Engine) Export(now time.Time) *wire.State {
	state := e.ExportNodes(now)
	for key, item := range e.store.All(now) {
		if created := item.Created(); !item.Own() && !created.IsZero() {
			state.Values = append(state.Values, wire.StoredValue{
				Key: key, Packed: slices.Clone(item.Packed), Created: created, Expires: item.Expires(),
				From: netip.AddrPortFrom(item.From(), 1),
			})
		}
	}
	return state
}

// Restore takes the nodes of a saved state, which are asked before they count, the
// first of them at once, and its values: this node has checked them before it stored
// them.
func (e *Engine) Restore(now time.Time, state *wire.State) {
	e.now = now
	for _, node := range state.Nodes {
		e.introduce(now, node)
	}
	e.meetStrangers(now)
	for _, x := range state.Values {
		v, err := value.Parse(x.Packed)
		if err != nil || v.ID == 0 || x.Created.IsZero() || x.Created.After(now) || !x.Expires.After(now) {
			continue
		}
		e.store.Commit(now, storage.Put{Key: x.Key, Value: v, Created: x.Created, From: x.From})
	}
	e.settle(now)
}

// String returns the status as one word.
func (s Status) String() string {
	switch s {
	case Connected:
		return "connected"
	case Connecting:
		return "connecting"
	default:
		return "disconnected"
	}
}

var methodNames = [...]string{
	wire.Ping: "ping", wire.Find: "find", wire.Get: "get", wire.Put: "put",
	wire.Refresh: "refresh", wire.Listen: "listen", wire.Update: "update",
}

// Methods yields the requests served by the name of their method.
func (s *Stats) Methods() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for m, name := range methodNames {
			if name != "" && !yield(name, s.Served[m]) {
				return
			}
		}
	}
}

// Reasons yields what was dropped by reason.
func (d *Dropped) Reasons() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		_ = yield("martian", d.Martian) && yield("malformed", d.Malformed) && yield("network", d.Network) &&
			yield("limited", d.Limited) && yield("unexpected", d.Unexpected) &&
			yield("values", d.Values) && yield("checks", d.Checks) && yield("signatures", d.Signatures) &&
			yield("listeners", d.Listeners)
	}
}
