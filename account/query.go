package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
	"rollcall/presence"
)

// Announcements is what the network says of the presence of an account at one
// moment.
type Announcements struct {
	Devices    []AnnouncedDevice // in the order in which they were found
	Revocation time.Time         // date of the newest revocation list, zero without one
	Rejected   int               // values at the account's key that do not count
}

// AnnouncedDevice is a device that an account announces.
type AnnouncedDevice struct {
	ID      infohash.Hash
	LongID  value.LongID
	Verdict presence.Verdict
}

// Query asks a network once for the revocation list and the announcements of an
// account, and for the certificates of the devices in them.
func Query(ctx context.Context, node *dht.Node, account infohash.Hash) (Announcements, error) {
	q := query{account: account, keys: make(map[infohash.Hash][]byte)}
	for v, err := range node.Get(ctx, account, userData) {
		if err != nil {
			return Announcements{}, fmt.Errorf("account: presence of %v: %w", account, err)
		}
		q.take(v)
	}
	for _, device := range q.order {
		q.chains = append(q.chains, findChain(ctx, node, account, device, value.KeyLongID(q.keys[device])))
	}
	if issuer := q.issuer(time.Now()); issuer != nil && q.listed {
		// They had to wait for the certificate, as anybody can put any number of them.
		for v, err := range node.Get(ctx, account, userData) {
			if err != nil {
				return Announcements{}, fmt.Errorf("account: revocations of %v: %w", account, err)
			}
			q.takeList(v, issuer)
		}
	}
	return q.conclude(time.Now()), nil
}

// query collects the answer.
type query struct {
	account  infohash.Hash
	order    []infohash.Hash // devices
	keys     map[infohash.Hash][]byte
	chains   []identity.Chain // by order, nil = not found
	listed   bool             // there may be revocation lists
	list     *identity.RevocationList
	rejected int
}

func (q *query) take(v *value.Value) {
	if _, err := value.ParseRevocationList(v.Data); !v.Signed() && err == nil {
		q.listed = true
		return
	}
	d, err := identity.ParseAnnouncement(v, q.account)
	if err != nil || len(d.PublicKey) == 0 || infohash.Sum(d.PublicKey) != d.Device {
		q.rejected++
		return
	}
	if q.keys[d.Device] == nil {
		q.keys[d.Device] = d.PublicKey
		q.order = append(q.order, d.Device)
	}
}

// findChain returns the chain that is published for a device of an account, one that
// leads elsewhere when there is no other, nil when there is none.
func findChain(ctx context.Context, node *dht.Node, account, device infohash.Hash, long value.LongID) (other identity.Chain) {
	for found, err := range node.Certificates(ctx, device, long) {
		if err != nil {
			break
		}
		chain, err := parseChain(found)
		if err != nil {
			continue
		}
		if _, err := chain.Verify(time.Now()); err == nil && leadsTo(chain, account) {
			return chain
		}
		other = chain
	}
	return other
}

// issuer returns the certificate of the account, nil if none of the chains is its.
func (q *query) issuer(now time.Time) *identity.Certificate {
	for _, chain := range q.chains {
		if chain == nil {
			continue
		}
		if owner, err := chain.Verify(now); err == nil && owner == q.account {
			return chain.Account()
		}
	}
	return nil
}

// takeList keeps the newest revocation list of the account.
func (q *query) takeList(v *value.Value, issuer *identity.Certificate) {
	der, err := value.ParseRevocationList(v.Data)
	if v.Signed() || err != nil {
		return
	}
	list, err := identity.ParseRevocationList(der, issuer)
	if err == nil && (q.list == nil || list.ThisUpdate.After(q.list.ThisUpdate)) {
		q.list = list
	}
}

// conclude judges the devices by their chains and the newest revocation list.
func (q *query) conclude(now time.Time) Announcements {
	result := Announcements{Rejected: q.rejected}
	if q.list != nil {
		result.Revocation = q.list.ThisUpdate
	}
	for i, device := range q.order {
		result.Devices = append(result.Devices, AnnouncedDevice{
			ID: device, LongID: value.KeyLongID(q.keys[device]), Verdict: q.verdict(now, q.chains[i]),
		})
	}
	return result
}

func (q *query) verdict(now time.Time, chain identity.Chain) presence.Verdict {
	if chain == nil {
		return presence.Unknown
	}
	var lists []*identity.RevocationList
	if q.list != nil {
		lists = append(lists, q.list)
	}
	owner, err := chain.Verify(now, lists...)
	switch {
	case errors.Is(err, identity.ErrRevoked):
		return presence.Revoked
	case err != nil || owner != q.account:
		return presence.Foreign
	}
	return presence.Genuine
}
