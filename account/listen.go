package account

import (
	"sync"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
)

// listen is a listen of a session, which is begun again when it breaks off.
type listen struct {
	session *session
	key     infohash.Hash
	lookup  dht.Lookup
	heard   func(dht.Event)
	broken  func() // called before it is begun again, which tells all that is there anew; may be nil

	mu       sync.Mutex
	ended    bool
	failures int
	stop     func() // ends the listen of the node
	retry    *time.Timer
}

// listen calls heard, one call after the other, with what changes at key, while the
// session lasts and until end is called.
func (s *session) listen(key infohash.Hash, lookup dht.Lookup, heard func(dht.Event), broken func()) *listen {
	l := &listen{session: s, key: key, lookup: lookup, heard: heard, broken: broken}
	l.begin()
	return l
}

func (l *listen) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.stop = l.session.node.ListenFunc(l.key, l.lookup, l.event)
	}
}

func (l *listen) event(e dht.Event, err error) {
	s := l.session
	if !s.enterPart() {
		return
	}
	defer s.parts.Done()
	if err == nil {
		l.heard(e)
		return
	}
	s.account.log.Debug("listen ended", "key", l.key, "err", err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.retry = time.AfterFunc(backoff(l.failures), func() {
			if l.broken != nil {
				l.broken()
			}
			l.begin()
		})
		l.failures++
	}
}

// end ends it; heard may still be at work.
func (l *listen) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.stop()
	if l.retry != nil {
		l.retry.Stop()
	}
}
