package account

import (
	"errors"

	"rollcall/dht"
	"rollcall/dht/infohash"
)

// listen calls heard, one call after the other, with what changes at key, while the
// session lasts and until the listen is stopped. When changes were missed it calls missed,
// unless that is nil, and tells anew what is there.
func (s *session) listen(key infohash.Hash, lookup dht.Lookup, heard func(dht.Event), missed func()) *dht.Listener {
	return s.node.ListenFunc(key, lookup, func(e dht.Event, err error) {
		if !s.enterPart() {
			return
		}
		defer s.parts.Done()
		switch {
		case err == nil:
			heard(e)
		case errors.Is(err, dht.ErrTooSlow) && missed != nil:
			missed()
		}
	})
}
