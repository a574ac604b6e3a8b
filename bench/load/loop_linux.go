package load

import (
	"fmt"
	"runtime"
	"time"

	"rollcall/bench/udp"
	"rollcall/bench/wire"
)

const (
	// answerTimeout is when a request counts as lost.
	answerTimeout = time.Second
	// expireEvery is how often requests are checked for that.
	expireEvery = 50 * time.Millisecond
	// MaxDatagrams bounds the datagrams of one request.
	MaxDatagrams = 8
)

// Workload makes requests.
type Workload struct {
	Name string
	// Datagrams is how many datagrams answer one request.
	Datagrams int
	// Queue queues request number seq, of at most MaxDatagrams datagrams, with
	// transaction id tid.
	Queue func(conn *udp.Conn, seq int, tid uint32)
	// Limit bounds the number of requests; 0 is no bound.
	Limit int
}

// loop is the state that closed and open loops share.
type loop struct {
	session  *Session
	workload *Workload
	flight   *flight
	start    time.Time
	expired  time.Duration
	result   *Result
	first    int // number of the first request
	// probes holds the latency of each request from probeFrom on, 0 while it is
	// open. They do not count in result.
	probes    []time.Duration
	probeFrom uint32
}

func newLoop(s *Session, w *Workload, first int) *loop {
	return &loop{session: s, workload: w, flight: &flight{}, start: time.Now(), result: &Result{}, first: first}
}

func (l *loop) now() time.Duration { return time.Since(l.start) }

// mayQueue reports whether another request fits the batch and the limit.
func (l *loop) mayQueue() bool {
	return l.session.conn.Room() >= MaxDatagrams && !l.exhausted()
}

// exhausted reports whether the workload has no more requests.
func (l *loop) exhausted() bool {
	return l.workload.Limit > 0 && l.first+l.result.Sent >= l.workload.Limit
}

func (l *loop) queue(now time.Duration) bool {
	tid, ok := l.flight.begin(now, l.workload.Datagrams)
	if !ok {
		return false
	}
	l.workload.Queue(l.session.conn, l.first+l.result.Sent, tid)
	l.result.Sent++
	return true
}

// receive takes the datagrams that came, waiting for the first of them.
func (l *loop) receive(wait time.Duration) error {
	n, err := l.session.conn.Receive(wait)
	if err != nil {
		return err
	}
	now := l.now()
	for i := range n {
		l.take(now, l.session.conn.Datagram(i))
	}
	if now-l.expired >= expireEvery {
		l.expired = now
		l.result.Lost += l.flight.expire(now - answerTimeout)
	}
	return nil
}

func (l *loop) take(now time.Duration, p []byte) {
	kind, tid := wire.Scan(p)
	if kind == wire.Query && !l.session.echo {
		l.session.answer(p)
		return
	}
	sent, done := l.flight.arrive(tid&^wire.WideTID, kind == wire.Error)
	if at := tid&^wire.WideTID - l.probeFrom; l.probes != nil && at < uint32(len(l.probes)) {
		if done {
			l.probes[at] = now - sent
		}
		return
	}
	l.result.BytesIn += len(p)
	if !done {
		return
	}
	if kind == wire.Error {
		l.result.Errors++
	}
	l.result.Done++
	l.result.Elapsed = now
	l.result.Latency.Add(now - sent)
}

// drain waits for the open requests.
func (l *loop) drain() error {
	for l.flight.open > 0 {
		if err := l.receive(expireEvery); err != nil {
			return err
		}
	}
	return nil
}

// Closed keeps window requests in flight for d and waits for the last of them.
// first is the number of the first request, so that a workload can go on.
func Closed(s *Session, w *Workload, window int, d time.Duration, first int) (*Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := newLoop(s, w, first)
	for {
		now := l.now()
		if now >= d {
			break
		}
		for l.flight.open < window && l.mayQueue() && l.queue(now) {
		}
		if l.flight.open == 0 {
			break // the workload's limit
		}
		if err := s.conn.Flush(); err != nil {
			return nil, err
		}
		if err := l.receive(expireEvery); err != nil {
			return nil, err
		}
	}
	if err := s.conn.Flush(); err != nil {
		return nil, err
	}
	if err := l.drain(); err != nil {
		return nil, err
	}
	if l.result.Done == 0 {
		return nil, fmt.Errorf("%s: %w", w.Name, ErrNoAnswer)
	}
	return l.result, nil
}
