package load

import (
	"time"

	"rollcall/bench/stats"
)

// Result is what one loop saw.
type Result struct {
	Sent    int
	Done    int           // answered in full
	Errors  int           // answered with an error
	Lost    int           // given up
	BytesIn int           // received
	Elapsed time.Duration // from the start to the last answer
	Sending time.Duration // from the start to the last request of an open loop
	Latency stats.Histogram
}

// Rate returns the answered requests per second.
func (r *Result) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Done) / r.Elapsed.Seconds()
}

// Loss returns the fraction of the requests that was not answered.
func (r *Result) Loss() float64 {
	if r.Sent == 0 {
		return 0
	}
	return 1 - float64(r.Done)/float64(r.Sent)
}

// flight is the requests under way, by transaction id. The zero value is empty.
type flight struct {
	slots  [flightSize]slot
	oldest uint32 // no request before this one is open
	next   uint32
	open   int
}

type slot struct {
	tid  uint32
	left int32 // datagrams still to come; 0 when the slot is free
	sent time.Duration
}

// flightSize bounds the requests under way: at 300,000 per second, 3 seconds.
const flightSize = 1 << 20

// begin opens the next request, sent at now and answered by n datagrams, and
// returns its transaction id; ok is false when no slot is free.
func (f *flight) begin(now time.Duration, n int) (tid uint32, ok bool) {
	s := &f.slots[f.next%flightSize]
	if s.left > 0 {
		return 0, false
	}
	tid = f.next & tidMask
	*s = slot{tid: tid, left: int32(n), sent: now}
	f.next++
	f.open++
	return tid, true
}

// tidMask keeps transaction ids below wire.WideTID.
const tidMask = 1<<30 - 1

// arrive counts one datagram for tid and reports whether it was the last, and
// when the request was sent; final ends the request at once.
func (f *flight) arrive(tid uint32, final bool) (sent time.Duration, done bool) {
	s := &f.slots[tid%flightSize]
	if s.left == 0 || s.tid != tid&tidMask {
		return 0, false
	}
	s.left--
	if s.left > 0 && !final {
		return 0, false
	}
	s.left = 0
	f.open--
	return s.sent, true
}

// expire gives up the requests sent before t and returns their number.
func (f *flight) expire(t time.Duration) int {
	lost := 0
	for f.oldest != f.next {
		s := &f.slots[f.oldest%flightSize]
		if s.left > 0 && s.tid == f.oldest&tidMask {
			if s.sent >= t {
				break
			}
			s.left = 0
			f.open--
			lost++
		}
		f.oldest++
	}
	return lost
}
