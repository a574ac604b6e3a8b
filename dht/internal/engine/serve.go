package engine

import (
	"net/netip"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/internal/storage"
	"rollcall/dht/internal/wire"
	"rollcall/dht/value"
)

// serve answers a request (opendht spec 2.3, 6).
func (e *Engine) serve(now time.Time, f *family, from netip.AddrPort, m *wire.Message) {
	e.stats.Served[m.Method]++
	switch m.Method {
	case wire.Ping:
		e.startReply(from, m)
		e.sendMessage(from)
	case wire.Find:
		e.startReply(from, m)
		e.addNodes(now, m.Key, m, from)
		e.sendMessage(from)
	case wire.Get:
		e.serveGet(now, f, from, m)
	case wire.Put:
		if e.authorized(now, from, m) {
			e.servePut(now, f, from, m)
		}
	case wire.Refresh:
		if e.authorized(now, from, m) {
			e.serveRefresh(now, from, m)
		}
	case wire.Listen:
		if e.authorized(now, from, m) {
			e.serveListen(now, from, m)
		}
	case wire.Update:
		e.serveUpdate(now, from, m)
	}
}

// startReply makes e.reply an empty reply to m.
func (e *Engine) startReply(from netip.AddrPort, m *wire.Message) {
	e.reply = wire.Message{Values: e.reply.Values[:0]}
	e.reply.Kind = wire.Reply
	e.reply.TID = m.TID
	e.reply.Network, e.reply.Client = e.cfg.Network, e.cfg.Client
	e.reply.ID = e.id
	e.reply.Addr = from.Addr()
}

// addNodes adds the closest nodes to target of the families that m wants, and a
// token: without one, the asking node would avoid us for ever (spec 7.3).
func (e *Engine) addNodes(now time.Time, target infohash.Hash, m *wire.Message, from netip.AddrPort) {
	ip4, ip6 := m.Want.Families(from.Addr())
	for _, g := range e.families {
		if g.v6 && ip6 {
			g.packed = g.appendClosest(now, target, g.packed[:0])
			e.reply.Nodes6 = g.packed
		} else if !g.v6 && ip4 {
			g.packed = g.appendClosest(now, target, g.packed[:0])
			e.reply.Nodes4 = g.packed
		}
	}
	e.token = e.tokens.Append(e.token[:0], now, from)
	e.reply.Token = e.token
}

// refuse answers m with an error.
func (e *Engine) refuse(from netip.AddrPort, m *wire.Message, code uint16, text string) {
	e.stats.Refused++
	e.startReply(from, m)
	e.reply.Kind = wire.Error
	e.reply.Code, e.reply.Text = code, []byte(text)
	e.sendMessage(from)
}

// authorized checks the token and the key of a request that changes something.
func (e *Engine) authorized(now time.Time, from netip.AddrPort, m *wire.Message) bool {
	if !e.tokens.Valid(now, m.Token, from) {
		e.refuse(from, m, wire.CodeUnauthorized, "wrong token")
		return false
	}
	// Who holds a token of ours has received what we sent to its address.
	e.proven.add(now, from)
	if m.Key.IsZero() {
		e.refuse(from, m, wire.CodeIncomplete, "no key")
		return false
	}
	return true
}

// serveGet answers with what is stored at the key. An answer that does not fit
// into one datagram waits until the address has shown that it asked.
func (e *Engine) serveGet(now time.Time, f *family, from netip.AddrPort, m *wire.Message) {
	if m.Key.IsZero() {
		e.refuse(from, m, wire.CodeIncomplete, "no key")
		return
	}
	var query *value.Query
	if m.Query != nil {
		if err := e.query.Unpack(m.Query); err != nil {
			e.stats.Dropped.Malformed++
			return
		}
		query = &e.query
	}
	e.startReply(from, m)
	e.addNodes(now, m.Key, m, from)
	if query != nil && len(query.Select) > 0 {
		e.fields = e.store.AppendFields(e.fields[:0], now, m.Key, query)
		e.reply.Fields = e.fields
		if e.tooMuch(len(e.fields)) && !e.isProven(now, from) {
			e.postpone(now, f, from, m)
			return
		}
		if len(e.fields) > maxFields {
			e.stats.Dropped.Limited++
			return
		}
		e.sendMessage(from)
		return
	}
	e.values = e.values[:0]
	size := 0
	e.store.Each(now, m.Key, query, func(item storage.Item) bool {
		size += len(item.Packed)
		if size > maxAnswer {
			return false
		}
		e.values = append(e.values, item.Packed)
		return true
	})
	split := e.reply.SetValues(e.values)
	if (split || e.tooMuch(size)) && !e.isProven(now, from) {
		e.postpone(now, f, from, m)
		return
	}
	if !split {
		e.sendMessage(from)
		return
	}
	if !e.proven.spend(now, from, size) {
		e.stats.Dropped.Limited++
		return
	}
	e.sendMessage(from)
	e.sendParts(from, m.TID, e.values)
}

// tooMuch reports whether the reply being built, with values or fields of a size,
// is too large for an address that has proved nothing.
func (e *Engine) tooMuch(size int) bool {
	return size+len(e.reply.Nodes4)+len(e.reply.Nodes6) > maxUnproven
}

func (e *Engine) serveRefresh(now time.Time, from netip.AddrPort, m *wire.Message) {
	if !e.store.Refresh(now, m.Key, m.VID) {
		e.refuse(from, m, wire.CodeNotFound, "nothing is stored at the key")
		return
	}
	e.startReply(from, m)
	e.reply.VID = m.VID
	e.sendMessage(from)
}

func (e *Engine) serveListen(now time.Time, from netip.AddrPort, m *wire.Message) {
	err := e.store.Listen(now, storage.Listen{
		Key: m.Key, Node: m.ID, Addr: from, SID: m.SID, Version: m.Version, Query: m.Query,
	})
	if err != nil {
		e.stats.Dropped.Listeners++
		return
	}
	e.startReply(from, m)
	e.token = e.tokens.Append(e.token[:0], now, from)
	e.reply.Token = e.token
	e.sendMessage(from)
}

// serveUpdate takes a push for one of our listens. Every update is
// acknowledged, known or not, so that the sender does not repeat it.
func (e *Engine) serveUpdate(now time.Time, from netip.AddrPort, m *wire.Message) {
	if e.listensTo(from, m) {
		e.sockets[m.SID].push(now, m)
	}
	e.startReply(from, m)
	e.sendMessage(from)
}

// listensTo reports whether m comes from the node at which its socket listens.
func (e *Engine) listensTo(from netip.AddrPort, m *wire.Message) bool {
	s, ok := e.sockets[m.SID]
	return ok && s.node.ID == m.ID && s.node.Addr == from
}
