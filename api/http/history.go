package http

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"rollcall/daemon"
)

// subscription is where events come from.
type subscription interface {
	Next(ctx context.Context) (daemon.Event, error)
	Close()
}

// history holds the latest events, ready to be sent, for any number of streams.
// A stream is a position in it: it costs no memory, and one that falls behind or
// was interrupted continues as long as what it missed is still there.
type history struct {
	run string // tells positions of this process from those of another

	mu     sync.Mutex
	frames [maxHistory]frame // event n is at n modulo the length
	first  uint64            // the oldest event that is held, if it is not after last
	last   uint64            // the newest event; they count from 1
	wake   chan struct{}     // closed by the next change
}

// frame is an event as a stream sends it.
type frame struct {
	account daemon.AccountID
	text    []byte
}

func newHistory() *history {
	return &history{run: rand.Text()[:8], first: 1, wake: make(chan struct{})}
}

// record adds all events until the end of ctx or of the daemon.
func (h *history) record(ctx context.Context, subscribe func() subscription) {
	for {
		s := subscribe()
		err := h.follow(ctx, s)
		s.Close()
		if !errors.Is(err, daemon.ErrTooSlow) {
			return
		}
		h.skip()
	}
}

func (h *history) follow(ctx context.Context, s subscription) error {
	for {
		event, err := s.Next(ctx)
		if err != nil {
			return err
		}
		h.add(event)
	}
}

func (h *history) add(event daemon.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.last + 1
	e := fromEvent(event)
	e.ID = h.id(n)
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // only types that JSON lacks make it fail
	}
	h.frames[n%maxHistory] = frame{event.Account, appendFrame(nil, e.ID, e.Type, data)}
	h.last = n
	h.first = max(h.first, n-min(n, maxHistory)+1)
	h.signalLocked()
}

// skip notes that events were missed: no stream continues over that.
func (h *history) skip() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	h.first = h.last + 1
	h.signalLocked()
}

func (h *history) signalLocked() {
	close(h.wake)
	h.wake = make(chan struct{})
}

// since returns the events after position n, at most maxBatch, with the position
// after them. ok is false when some are lost, and next is then the present. wake
// is closed when there are more.
func (h *history) since(n uint64) (batch []frame, next uint64, ok bool, wake <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n > h.last || n+1 < h.first {
		return nil, h.last, false, h.wake
	}
	for n < h.last && len(batch) < maxBatch {
		n++
		batch = append(batch, h.frames[n%maxHistory])
	}
	return batch, n, true, h.wake
}

// id names a position, also to streams that come back later.
func (h *history) id(n uint64) string { return fmt.Sprintf("%s-%d", h.run, n) }

// position reads such a name. That of another process is a position that is lost.
func (h *history) position(id string) uint64 {
	number, ours := strings.CutPrefix(id, h.run+"-")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ours || err != nil {
		return lost
	}
	return n
}

// lost is a position at which nothing is held.
const lost = math.MaxUint64

// appendFrame appends a server-sent event; data is one line.
func appendFrame(b []byte, id, kind string, data []byte) []byte {
	b = fmt.Appendf(b, "id: %s\nevent: %s\ndata: ", id, kind)
	b = append(b, data...)
	return append(b, "\n\n"...)
}
