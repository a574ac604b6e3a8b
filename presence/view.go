package presence

import (
	"slices"
	"time"

	"rollcall/dht/infohash"
)

// View is what is known of one account.
type View struct {
	Account       infohash.Hash
	Status        Status
	Online        bool      // announced on the network, whether connected or not
	Since         time.Time // of the last change of Status, zero before the first
	LastSeen      time.Time // last sign of life, zero if there never was one
	Contact       bool
	Subscriptions int
	Flaps         uint64 // how often the dwell time hid a gap
	Devices       []DeviceView
	Channels      []ChannelView
	Note          Note
	History       []Change // oldest first
}

// DeviceView is one device that is on the network.
type DeviceView struct {
	ID      infohash.Hash
	Key     []byte // DER SubjectPublicKeyInfo, shared
	Verdict Verdict
	Until   time.Time // when its last announcement ends unless renewed
	Dated   bool      // it signs the time into its announcements
}

// ChannelView is one device that we are connected with.
type ChannelView struct {
	Device infohash.Hash
	Since  time.Time // when the first of the open message channels was opened
}

// View returns what is known of an account; ok is false when it is not tracked
// and has no channel.
func (t *Tracker) View(account infohash.Hash) (v View, ok bool) {
	p := t.peers[account]
	if p == nil {
		return View{Account: account}, false
	}
	v = View{
		Account: account, Status: p.status, Online: p.online, Since: p.since, LastSeen: p.lastSeen,
		Contact: p.contact, Subscriptions: p.subscriptions, Flaps: p.flaps, Note: p.note, History: slices.Clone(p.history),
	}
	for _, id := range sortedKeys(p.channels) {
		v.Channels = append(v.Channels, ChannelView{id, p.channels[id].since})
	}
	for _, id := range sortedKeys(p.devices) {
		d := p.devices[id]
		v.Devices = append(v.Devices, DeviceView{id, d.key, d.verdict, d.last(), d.dates.shown()})
	}
	return v, true
}

// Status returns the status of an account, Offline if it is unknown.
func (t *Tracker) Status(account infohash.Hash) Status {
	if p := t.peers[account]; p != nil {
		return p.status
	}
	return Offline
}

// Accounts returns the tracked accounts in ascending order, or only those that
// clients have subscribed to.
func (t *Tracker) Accounts(subscribed bool) []infohash.Hash {
	accounts := make([]infohash.Hash, 0, len(t.peers))
	for account, p := range t.peers {
		if p.tracked() && (!subscribed || p.subscriptions > 0) {
			accounts = append(accounts, account)
		}
	}
	slices.SortFunc(accounts, infohash.Hash.Compare)
	return accounts
}
