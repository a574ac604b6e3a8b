package contact

import (
	"cmp"
	"slices"

	"rollcall/dht/infohash"
)

// pending holds the requests that wait for the user, one per account. The zero
// value is ready for use by admit and restore.
type pending struct {
	byPeer map[infohash.Hash]*Request
	bytes  int
	loud   int // neither seen nor quiet
}

func (p *pending) restore(requests []Request) {
	p.byPeer = make(map[infohash.Hash]*Request, len(requests))
	for i := range requests {
		p.put(&requests[i])
	}
}

// put takes r in, in place of another request of its account.
func (p *pending) put(r *Request) {
	p.remove(r.From)
	p.byPeer[r.From] = r
	p.bytes += r.size()
	p.loud += loudness(r)
}

// remove takes the request of an account out and returns it, or nil.
func (p *pending) remove(from infohash.Hash) *Request {
	r := p.byPeer[from]
	if r != nil {
		delete(p.byPeer, from)
		p.bytes -= r.size()
		p.loud -= loudness(r)
	}
	return r
}

func loudness(r *Request) int {
	if r.Quiet || r.Seen {
		return 0
	}
	return 1
}

// see marks the request of an account as looked at and reports whether that is
// news.
func (p *pending) see(from infohash.Hash) bool {
	r := p.byPeer[from]
	if r == nil || r.Seen {
		return false
	}
	p.loud -= loudness(r)
	r.Seen = true
	return true
}

// full reports whether a request of size more bytes needs the place of another.
func (p *pending) full(size int) bool {
	return len(p.byPeer) >= MaxPending || p.bytes+size > maxPendingBytes
}

// victim returns the request to drop for a new one: the oldest of a stranger
// that the user has not looked at, a quiet one if there is any, so that a flood
// does not ask for attention over and over. It is nil when there is none.
func (p *pending) victim() *Request {
	var oldest *Request
	for _, r := range p.byPeer {
		if r.Seen || r.Approved {
			continue
		}
		if oldest == nil || r.Quiet && !oldest.Quiet || r.Quiet == oldest.Quiet && byArrival(r, oldest) < 0 {
			oldest = r
		}
	}
	return oldest
}

func byArrival(a, b *Request) int {
	return cmp.Or(cmp.Compare(a.Received, b.Received), a.From.Compare(b.From))
}

func (p *pending) sorted() []Request {
	all := make([]Request, 0, len(p.byPeer))
	for _, r := range p.byPeer {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Request) int { return byArrival(&a, &b) })
	return all
}
