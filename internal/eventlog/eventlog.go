// Package eventlog lets tests wait for events.
package eventlog

import (
	"reflect"
	"sync"
	"testing"
	"time"
)

// Log remembers events, in order. It is safe for concurrent use; the zero value is
// empty.
type Log struct {
	mu     sync.Mutex
	events []any
	more   chan struct{} // closed with the next event, nil while nobody waits
}

// Add takes an event.
func (l *Log) Add(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, event)
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
}

// Mark returns how many events there are, for Await.
func (l *Log) Mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

// Since returns the events after a mark.
func (l *Log) Since(mark int) []any {
	events, _ := l.since(mark)
	return events
}

func (l *Log) since(mark int) (events []any, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more == nil {
		l.more = make(chan struct{})
	}
	return l.events[mark:], l.more
}

// Await returns the first event of a type after a mark that match accepts, or the
// first if match is nil. The test fails if there is none within the limit.
func Await[E any](tb testing.TB, l *Log, mark int, limit time.Duration, match func(E) bool) E {
	tb.Helper()
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		events, more := l.since(mark)
		for _, e := range events {
			if e, ok := e.(E); ok && (match == nil || match(e)) {
				return e
			}
		}
		select {
		case <-more:
		case <-timeout.C:
			tb.Fatalf("no %v with what was asked for; there were %+v", reflect.TypeFor[E](), events)
		}
	}
}
