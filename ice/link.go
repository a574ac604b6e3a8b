package ice

import (
	"context"
	"net"
	"sync"
	"time"

	"rollcall/ice/internal/agent"
	"rollcall/ice/internal/wire"
)

// link is one connection with a peer, from before it stands. At most one of an
// agent becomes a Conn.
type link struct {
	agent *Agent
	id    agent.LinkID

	// Written once, before anybody reads them.
	cancel context.CancelFunc // of dialling; nil where accepted
	via    *listener          // where it was accepted; nil where dialled
	conn   net.Conn           // nil until it stands

	in    deframer // of read, then of the Conn
	early []byte   // of the stream, read before the selection

	// Taken before the agent's mu.
	write    sync.Mutex
	writeErr error // of a frame written in part: nothing may follow it
	header   [wire.HeaderSize]byte
	parts    [2][]byte   // what buffers is made of
	buffers  net.Buffers // of a frame being written

	// Protected by the agent's mu.
	pending  [][]byte // frames that wait to be written
	flushing bool     // a goroutine is writing them
	taken    bool     // a Conn has it
}

func newLink(a *Agent, id agent.LinkID) *link { return &link{agent: a, id: id} }

func (l *link) open(nc net.Conn) {
	l.conn = nc
	l.in = newDeframer(nc)
}

// close is called with the agent's mu held.
func (l *link) close() {
	if l.cancel != nil {
		l.cancel()
	}
	if l.conn != nil {
		l.conn.Close()
	}
}

// interrupt makes read return.
func (l *link) interrupt() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) }

// read gives to the core what comes before a selection, until the connection is
// selected or ends.
func (l *link) read() {
	buf := make([]byte, readBuffer)
	for {
		n, check, err := l.in.next(buf)
		if !l.handle(buf[:n], check, err) {
			break
		}
	}
	a := l.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.selected == l {
		_ = l.conn.SetReadDeadline(time.Time{})
		a.endLocked()
	}
}

// handle reports whether to read on.
func (l *link) handle(data, check []byte, err error) bool {
	a := l.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runLocked(func(now time.Time) {
		if a.links[l.id] != l {
			return
		}
		switch {
		case check != nil:
			a.core.Receive(now, l.id, check)
		case len(data) > 0 && (a.selected == l || a.core.Data(now, l.id)):
			l.early = append(l.early, data...)
		}
		if a.selected != l && (err != nil || len(l.early) > maxEarly) {
			l.endLocked(now)
		}
	})
	return !a.closed && a.links[l.id] == l && a.selected != l
}

// endLocked closes the connection on our own account.
func (l *link) endLocked(now time.Time) {
	delete(l.agent.links, l.id)
	l.close()
	l.agent.core.Closed(now, l.id)
}

// queue has a frame of a check or answer written. It is called with the agent's
// mu held.
func (l *link) queue(frame []byte) {
	if len(l.pending) == maxPending {
		if l.agent.selected != l {
			l.endLocked(time.Now())
		}
		return // one less, on a connection that the peer does not read
	}
	l.pending = append(l.pending, frame)
	if !l.flushing {
		l.flushing = true
		l.agent.tasks.Go(l.flush)
	}
}

// flush writes the frames that wait.
func (l *link) flush() {
	for l.writePending() {
	}
}

// writePending writes the frames that wait, and reports whether there were any.
func (l *link) writePending() bool {
	l.write.Lock()
	defer l.write.Unlock()
	frames := l.take()
	for _, frame := range frames {
		_, _ = l.writeParts(frame, nil) // a later write meets the error too
	}
	return len(frames) > 0
}

// take returns the frames that wait. When none do, flush ends.
func (l *link) take() [][]byte {
	a := l.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	frames := l.pending
	l.pending = nil
	l.flushing = len(frames) > 0
	return frames
}

// writeFrame writes a piece of the stream as one frame, and returns how much of
// it was written. It is called with write held.
func (l *link) writeFrame(payload []byte) (int, error) {
	n, err := l.writeParts(wire.AppendHeader(l.header[:0], len(payload)), payload)
	return max(0, int(n)-wire.HeaderSize), err
}

// writeParts writes the parts of a frame. After some of it only, the connection
// cannot be written to any more.
func (l *link) writeParts(first, second []byte) (n int64, err error) {
	if l.writeErr != nil {
		return 0, l.writeErr
	}
	l.parts = [2][]byte{first, second}
	l.buffers = l.parts[:]
	n, err = l.buffers.WriteTo(l.conn)
	if err != nil && n > 0 {
		l.writeErr = err
	}
	return n, err
}
