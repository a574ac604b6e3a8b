package storage

import (
	"math"

	"rollcall/dht/internal/ratelimit"
)

// ledger keeps account of what is held for whom: how many bytes for each origin
// and network, and what of it ends first. It decides what must go when one of its
// limits is reached.
type ledger struct {
	entry func(i uint32) *entry

	limit, networkLimit, originLimit int
	used                             int // by all but the own account

	accounts  pool[account]
	networks  pool[network]
	byOrigin  map[ratelimit.Origin]uint32
	byNetwork map[ratelimit.Network]uint32

	due     heap // accounts, the one with the next entry to end first
	biggest heap // networks, the one that uses most first

	byExpiry, byDue, byUse, byNetworkUse order
}

// entry is the part of a record that a ledger works with.
type entry struct {
	expires int64 // on the store's clock; never, or when it ends
	account uint32
	place   uint32 // among the entries of the account
	cost    uint32 // bytes
	key     uint32 // the record of its key
}

const never = math.MaxInt64

// account is what one origin uses.
type account struct {
	origin  ratelimit.Origin
	used    int  // bytes, including accountCost
	entries heap // the next to end first
	network uint32
	due     uint32 // place among all accounts
	rank    uint32 // place in the network
}

// network is what the origins of one network use.
type network struct {
	id       ratelimit.Network
	used     int
	accounts heap // the one that uses most first
	rank     uint32
}

// own is the account of this node itself. It has no limit and belongs to no
// network.
const own = 1

// init makes an empty ledger for records whose entries are found by entry.
func (l *ledger) init(limit int, entry func(i uint32) *entry) {
	l.entry = entry
	l.limit = limit
	l.networkLimit = networkLimit(limit)
	l.originLimit = originLimit(limit)
	l.byOrigin = make(map[ratelimit.Origin]uint32)
	l.byNetwork = make(map[ratelimit.Network]uint32)
	l.byExpiry = order{
		before: func(a, b uint32) bool { return entry(a).expires < entry(b).expires },
		place:  func(i uint32) *uint32 { return &entry(i).place },
	}
	l.byDue = order{
		before: func(a, b uint32) bool { return l.nextOf(a) < l.nextOf(b) },
		place:  func(i uint32) *uint32 { return &l.accounts.at(i).due },
	}
	l.byUse = order{
		before: func(a, b uint32) bool { return l.accounts.at(a).used > l.accounts.at(b).used },
		place:  func(i uint32) *uint32 { return &l.accounts.at(i).rank },
	}
	l.byNetworkUse = order{
		before: func(a, b uint32) bool { return l.networks.at(a).used > l.networks.at(b).used },
		place:  func(i uint32) *uint32 { return &l.networks.at(i).rank },
	}
	l.accounts.take() // own
}

// nextOf returns when the first entry of an account ends.
func (l *ledger) nextOf(account uint32) int64 {
	return l.entry(l.accounts.at(account).entries[0]).expires
}

// fits reports whether there can be room for a cost at all.
func (l *ledger) fits(cost int) bool { return cost+accountCost <= l.originLimit }

// victim returns the entry that must go to make room for a cost of origin, which
// fits, or 0 when there is room: the first to end of the origin or of the biggest
// origin of a network, whichever is over its limit (opendht spec 6.1).
func (l *ledger) victim(origin ratelimit.Origin, cost int) uint32 {
	if i, ok := l.byOrigin[origin]; ok {
		if a := l.accounts.at(i); a.used+cost > l.originLimit {
			return a.entries[0]
		}
	} else {
		cost += accountCost
	}
	i, ok := l.byNetwork[origin.Network()]
	switch {
	case ok && l.networks.at(i).used+cost > l.networkLimit:
	case l.used+cost > l.limit:
		i = l.biggest[0]
	default:
		return 0
	}
	return l.accounts.at(l.networks.at(i).accounts[0]).entries[0]
}

// add charges entry i to origin.
func (l *ledger) add(i uint32, origin ratelimit.Origin) {
	at, ok := l.byOrigin[origin]
	if !ok {
		at = l.open(origin)
	}
	l.charge(i, at)
	l.spend(at, int(l.entry(i).cost))
}

// addOwn enters i as one of this node's own.
func (l *ledger) addOwn(i uint32) { l.charge(i, own) }

func (l *ledger) charge(i, at uint32) {
	a := l.accounts.at(at)
	l.entry(i).account = at
	l.byExpiry.push(&a.entries, i)
	if len(a.entries) == 1 {
		l.byDue.push(&l.due, at)
	} else if a.entries[0] == i {
		l.byDue.fix(l.due, at)
	}
}

// remove gives up entry i.
func (l *ledger) remove(i uint32) {
	e := l.entry(i)
	at := e.account
	a := l.accounts.at(at)
	first := a.entries[0] == i
	if first && len(a.entries) == 1 {
		l.byDue.remove(&l.due, at)
	}
	l.byExpiry.remove(&a.entries, i)
	if first && len(a.entries) > 0 {
		l.byDue.fix(l.due, at)
	}
	if at == own {
		return
	}
	if l.spend(at, -int(e.cost)); len(a.entries) == 0 {
		l.close(at)
	}
}

// move changes when entry i ends.
func (l *ledger) move(i uint32, expires int64) {
	e := l.entry(i)
	a := l.accounts.at(e.account)
	first := a.entries[0]
	e.expires = expires
	l.byExpiry.fix(a.entries, i)
	if first == i || a.entries[0] == i {
		l.byDue.fix(l.due, e.account)
	}
}

// next returns the entry that ends first, and when; 0 and never if none does.
func (l *ledger) next() (i uint32, expires int64) {
	if len(l.due) == 0 {
		return 0, never
	}
	i = l.accounts.at(l.due[0]).entries[0]
	return i, l.entry(i).expires
}

// open makes an account for origin.
func (l *ledger) open(origin ratelimit.Origin) (at uint32) {
	at = l.accounts.take()
	l.byOrigin[origin] = at
	n, ok := l.byNetwork[origin.Network()]
	if !ok {
		n = l.networks.take()
		l.networks.at(n).id = origin.Network()
		l.byNetwork[origin.Network()] = n
		l.byNetworkUse.push(&l.biggest, n)
	}
	a := l.accounts.at(at)
	a.origin, a.network = origin, n
	l.byUse.push(&l.networks.at(n).accounts, at)
	l.spend(at, accountCost)
	return at
}

// close gives up an account without entries.
func (l *ledger) close(at uint32) {
	l.spend(at, -accountCost)
	a := l.accounts.at(at)
	n := l.networks.at(a.network)
	l.byUse.remove(&n.accounts, at)
	if len(n.accounts) == 0 {
		l.byNetworkUse.remove(&l.biggest, a.network)
		delete(l.byNetwork, n.id)
		l.networks.release(a.network)
	}
	delete(l.byOrigin, a.origin)
	l.accounts.release(at)
}

// spend changes what an account uses.
func (l *ledger) spend(at uint32, bytes int) {
	a := l.accounts.at(at)
	n := l.networks.at(a.network)
	a.used += bytes
	n.used += bytes
	l.used += bytes
	l.byUse.fix(n.accounts, at)
	l.byNetworkUse.fix(l.biggest, a.network)
}
