package contact

import (
	"maps"
	"slices"

	"rollcall/dht/infohash"
)

// disk is a store: the effects of a list applied to a snapshot.
type disk struct {
	contacts  map[infohash.Hash]Contact
	requests  map[infohash.Hash]Request
	decisions map[infohash.Hash]Decision
	outgoing  map[messageKey]Outgoing
	policy    Policy
}

func newDisk() *disk {
	return &disk{
		contacts:  make(map[infohash.Hash]Contact),
		requests:  make(map[infohash.Hash]Request),
		decisions: make(map[infohash.Hash]Decision),
		outgoing:  make(map[messageKey]Outgoing),
	}
}

func (d *disk) apply(effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case SaveContact:
			d.contacts[e.Peer] = e.Contact
		case SaveRequest:
			d.requests[e.Request.From] = e.Request
		case DeleteRequest:
			delete(d.requests, e.From)
		case SaveDecision:
			d.decisions[e.Decision.Peer] = e.Decision
		case DeleteDecision:
			delete(d.decisions, e.Peer)
		case SaveOutgoing:
			d.outgoing[e.Outgoing.key()] = e.Outgoing
		case DeleteOutgoing:
			delete(d.outgoing, messageKey{e.Peer, e.Kind})
		case SavePolicy:
			d.policy = e.Policy
		}
	}
}

func (d *disk) snapshot() Snapshot {
	return Snapshot{
		Contacts:  maps.Clone(d.contacts),
		Requests:  slices.Collect(maps.Values(d.requests)),
		Decisions: slices.Collect(maps.Values(d.decisions)),
		Outgoing:  slices.Collect(maps.Values(d.outgoing)),
		Policy:    d.policy,
	}
}
