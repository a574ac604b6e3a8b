package load

import (
	"runtime"
	"time"
)

const (
	// probeEvery is the pace of the probes after an overload.
	probeEvery = time.Millisecond
	// slowProbe is the latency above which the server has not recovered yet.
	slowProbe = 5 * time.Millisecond
)

// Recovery is how a server came back after an overload.
type Recovery struct {
	// Until is when, after the overload's end, the last slow or lost probe was sent.
	Until time.Duration
	// Probes and Slow count the probes, and those slow or lost.
	Probes, Slow int
}

// Overload sends rate requests per second for d, whatever comes back, and then
// one probe per millisecond for rest.
func Overload(s *Session, w *Workload, rate float64, d, rest time.Duration) (*Result, Recovery, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := newLoop(s, w, 0)
	if err := l.openLoop(d, func(t time.Duration) int { return int(rate * t.Seconds()) }); err != nil {
		return nil, Recovery{}, err
	}
	begin, sent := l.now(), l.result.Sent
	l.probeFrom = l.flight.next
	l.probes = make([]time.Duration, rest/probeEvery)
	err := l.openLoop(begin+rest, func(t time.Duration) int {
		return sent + min(int((t-begin)/probeEvery), len(l.probes))
	})
	if err == nil {
		err = l.drain()
	}
	probes := l.result.Sent - sent
	l.result.Sent, l.result.Sending = sent, begin
	l.result.Lost = sent - l.result.Done
	return l.result, recovery(l.probes[:probes]), err
}

// openLoop sends until d so many requests as due tells for each moment. What it
// could not send in time it sends late, so that it ends after d when the generator
// is the limit.
func (l *loop) openLoop(d time.Duration, due func(time.Duration) int) error {
	for {
		now := min(l.now(), d)
		for l.result.Sent < due(now) && l.mayQueue() && l.queue(now) {
		}
		if err := l.session.conn.Flush(); err != nil {
			return err
		}
		if now == d && (l.result.Sent >= due(d) || l.exhausted()) {
			return nil
		}
		if err := l.receive(0); err != nil {
			return err
		}
	}
}

func recovery(probes []time.Duration) Recovery {
	r := Recovery{Probes: len(probes)}
	for i, latency := range probes {
		if latency == 0 || latency > slowProbe {
			r.Slow++
			r.Until = time.Duration(i+1) * probeEvery
		}
	}
	return r
}
