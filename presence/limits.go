package presence

import "time"

// Leases.
const (
	// DefaultLease is how long a device that died unannounced is seen.
	DefaultLease = time.Minute
	// MinLease bounds the load that one device puts on the network; shorter
	// ones are for networks of one's own.
	MinLease = 30 * time.Second

	// wantedHolders is how many of the nodes asked must have an announcement.
	wantedHolders = 3
	// recovery is how long a lengthened lease is kept before the configured one
	// is tried again.
	recovery = 30 * time.Minute
	// minRetry is the first wait after a put that failed; it doubles up to the
	// time of a renewal.
	minRetry = 2 * time.Second
	// redate is the age at which a dated announcement gets a new date, and with
	// it a new signature.
	redate = 7 * time.Minute
	// redateGap is how soon after another announcement one follows that only tells
	// that the device is not gone.
	redateGap = 5 * time.Second
	// dateLife is how long a date counts after we saw it first. It is that of two
	// programs with one device, of which the second joined in when the date of the
	// first was about to be renewed, and the longest time from one announcement to
	// the next.
	dateLife = 2*redate + Life*3/5
)

// Tracking.
const (
	// DefaultDwell is how long a contact is still shown online after its last
	// announcement has ended, so that one which is late does not flicker. It
	// leaves two of the five seconds that a dead device may be seen beyond its lease.
	DefaultDwell = 3 * time.Second
	// MaxTracked bounds the accounts that one account follows.
	MaxTracked = 1_000_000
	// maxDevices bounds the devices of one account.
	maxDevices = 64
	// steadiness is the part of its pace by which a renewal may be early or late.
	steadiness = 5
	// maxValues bounds the announcements of one device; by leases a device has
	// two or three. Anyone may put a genuine one again under other ids.
	maxValues = 32
	// maxHolders bounds the nodes by which one announcement is known; a listener
	// has four, and changes them.
	maxHolders = 16
	// maxVerdicts bounds the devices of one account that are judged: as many as a
	// revocation list can name, and more than there can be.
	maxVerdicts = 2048
	// saveGap is how old the stored time of the last sign of life may be.
	saveGap = 15 * time.Minute
	// maxClockLead is how far in the future a signed time may be until one of the
	// clocks is taken to be wrong.
	maxClockLead = 10 * time.Minute
	// jumpTolerance is by how much the wall clock may drift from the monotonic
	// one between two inputs before it counts as a jump.
	jumpTolerance = 2 * time.Second
)
