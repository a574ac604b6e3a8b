package engine

import (
	"net/netip"

	"rollcall/dht/value"
)

// OpID names an operation that a caller has started.
type OpID uint64

// Ticket names a signature check that an engine waits for.
type Ticket uint64

// EffectKind tells what an Effect asks for or reports.
type EffectKind uint8

// The kinds of effects, with the fields that they use.
const (
	// Send asks for Packet to be sent to To.
	Send EffectKind = iota + 1
	// Verify asks for the signature of Value to be checked, away from the
	// engine's goroutine, and for Verified to be called with Ticket.
	Verify
	// Found reports Value, neither verified nor decrypted, to the get or listen Op.
	Found
	// Selected reports Fields to the query Op.
	Selected
	// Lost reports to the listen Op that Value is no longer held by any node.
	Lost
	// Done ends Op: Err is nil or says why it failed; for a put, Stored counts
	// the nodes that acknowledged it. A permanent put is done when it is first
	// stored, and goes on; a listen is never done.
	Done
	// Changed reports that the engine's Status is another.
	Changed
	// Seek asks for the bootstrap nodes to be resolved and given to Contact.
	Seek
)

// Effect is one thing that an engine wants done or has to tell. Packet is valid
// until the Output it is in is handed to Swap again; the other fields stay valid.
type Effect struct {
	Kind   EffectKind
	To     netip.AddrPort
	Packet []byte
	Ticket Ticket
	Op     OpID
	Value  *value.Value
	Fields []value.FieldIndex
	Stored int
	Err    error
}

// Output is a list of effects in order, with the memory of their packets. The
// zero Output is ready for use; it is meant to be reused.
type Output struct {
	Effects []Effect
	arena   []byte
}

// Swap gives the effects since the last Swap to out, and takes the memory of
// out for the next ones.
func (e *Engine) Swap(out *Output) {
	if cap(out.arena) > keptArena {
		*out = Output{}
	}
	clear(out.Effects)
	out.Effects, e.out.Effects = e.out.Effects, out.Effects[:0]
	out.arena, e.out.arena = e.out.arena, out.arena[:0]
}

// send queues a packet without copying it: p must not change afterwards.
func (e *Engine) send(to netip.AddrPort, p []byte) {
	e.stats.Sent.Packets++
	e.stats.Sent.Bytes += uint64(len(p))
	e.out.Effects = append(e.out.Effects, Effect{Kind: Send, To: to, Packet: p})
}

// sendMessage encodes e.reply into the arena and queues it.
func (e *Engine) sendMessage(to netip.AddrPort) {
	start := len(e.out.arena)
	e.out.arena = e.reply.Append(e.out.arena)
	e.send(to, e.out.arena[start:len(e.out.arena):len(e.out.arena)])
}
