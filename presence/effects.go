package presence

import (
	"time"

	"rollcall/dht/infohash"
)

// Effect is something for the driver to do. An [Announcer] has [PutAnnouncement],
// [WithdrawAnnouncement], [CheckAnnouncement], [Announced] and [LeaseChanged]; a
// [Tracker] has [Listen], [Unlisten], [StatusChanged], [DeviceUp], [DeviceAgain],
// [DeviceDown] and [SaveMemory].
type Effect interface{ effect() }

// PutAnnouncement asks for the announcement of this device to be put at the id
// of the account under a new value id. The driver answers with
// [Announcer.PutDone].
type PutAnnouncement struct {
	ValueID uint64
	// Created is the creation date to put it with; storing nodes drop it at
	// Created + Life.
	Created time.Time
	// Permanent asks to keep it alive and in place until it is withdrawn.
	Permanent bool
	// Date is the signed time to make it with, zero for the announcement that
	// the account signed when the device was made. Equal dates mean equal bytes.
	Date time.Time
}

// WithdrawAnnouncement asks to stop keeping a permanent announcement alive.
type WithdrawAnnouncement struct{ ValueID uint64 }

// CheckAnnouncement asks to get the values at the id of the account from several
// nodes, a moment later, and to tell by [Announcer.ReadBack] how many have this
// one.
type CheckAnnouncement struct{ ValueID uint64 }

// Announced tells whether this device's announcement is on the network. It is
// emitted on changes only.
type Announced struct{ On bool }

// LeaseChanged warns that announcements live longer than configured, or tells
// that they do not any more.
type LeaseChanged struct {
	Lease, Configured time.Duration
	Asked, Held       int // of the nodes asked for the announcement, how many had it
}

// Reason says in words why the lease changed.
func (e LeaseChanged) Reason() string {
	if e.Lease == e.Configured {
		return "the configured lease is tried again"
	}
	return "too few nodes keep the announcement, this clock or theirs may be wrong"
}

// Listen asks for a listen at the id of an account. The driver calls
// [Tracker.Restore] and [Tracker.Judge] with what it has stored of the account,
// and then passes on what it hears.
type Listen struct{ Account infohash.Hash }

// Unlisten asks to end it.
type Unlisten struct{ Account infohash.Hash }

// StatusChanged tells the status of an account.
type StatusChanged struct {
	Account    infohash.Hash
	Status     Status
	Was        Status // until then, the same if it is only told again
	At         time.Time
	Cause      Cause
	Subscribed bool   // by some client
	Note       string // with CauseNote: what the account says of itself, "" = nothing any more
}

// DeviceUp tells that a device of an account has appeared on the network. Key is
// its DER SubjectPublicKeyInfo, which the driver uses to find and judge its
// certificate, see [Tracker.Judge].
type DeviceUp struct {
	Account, Device infohash.Hash
	Key             []byte
	Verdict         Verdict
}

// DeviceAgain tells that a device which is on the network has announced itself
// anew, and not to renew what it said before: it may have been started again.
type DeviceAgain struct {
	Account, Device infohash.Hash
	Key             []byte
	Verdict         Verdict
}

// DeviceDown tells that its last announcement has ended, or counts no longer.
type DeviceDown struct {
	Account, Device infohash.Hash
	Key             []byte
}

// SaveMemory stores what is to be known about an account after a restart.
type SaveMemory struct {
	Account infohash.Hash
	Memory  Memory
}

func (PutAnnouncement) effect()      {}
func (WithdrawAnnouncement) effect() {}
func (CheckAnnouncement) effect()    {}
func (Announced) effect()            {}
func (LeaseChanged) effect()         {}
func (Listen) effect()               {}
func (Unlisten) effect()             {}
func (StatusChanged) effect()        {}
func (DeviceUp) effect()             {}
func (DeviceAgain) effect()          {}
func (DeviceDown) effect()           {}
func (SaveMemory) effect()           {}
