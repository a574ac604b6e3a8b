package dht

import (
	"runtime"
	"time"

	"rollcall/dht/internal/engine"
	"rollcall/dht/value"
)

const (
	// maxCheckers is the number of goroutines that verify signatures of values put
	// by others, where there are as many processors.
	maxCheckers = 2
	// checkQueue bounds the values that wait for them; the engine bounds them further.
	checkQueue = 1024
	// verifiedValues is the number of good signatures that are remembered.
	verifiedValues = 1 << 14
)

// check is one signature to verify.
type check struct {
	ticket engine.Ticket
	value  *value.Value
}

// enqueue hands a signature check to the checkers. When they are that far
// behind, the value is dropped: its sender will put it again.
func (n *Node) enqueue(ticket engine.Ticket, v *value.Value) {
	n.checking.Add(1)
	select {
	case n.checks <- check{ticket, v}:
	default:
		n.checking.Add(-1)
		n.do(func(now time.Time) { n.engine.Verified(now, ticket, false) })
	}
}

// check verifies signatures, away from the goroutines that read the sockets.
func (n *Node) check() {
	var out engine.Output
	for {
		select {
		case c := <-n.checks:
			err := n.verifier.Verify(c.value)
			n.run(&out, func(now time.Time) { n.engine.Verified(now, c.ticket, err == nil) })
			n.checking.Add(-1)
			// On one processor the reader of the socket waits for this.
			runtime.Gosched()
		case <-n.ctx.Done():
			return
		}
	}
}
