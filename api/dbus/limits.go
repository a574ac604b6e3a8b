package dbus

const (
	// maxWaiting bounds the calls of one caller that wait for their turn; more are
	// refused. A client that loads its contacts has a few hundred on the way.
	maxWaiting = 4096
	// maxLookups bounds the lookups of names that are under way; more fail at once.
	// A client looks up all its contacts when it starts.
	maxLookups = 10_000
	// maxShown bounds the accounts whose encoded contacts are kept; clients ask for
	// those of a few.
	maxShown = 16
	// maxMessage is half of what a bus passes on, and what an array may hold.
	maxMessage = 64 << 20
	// maxKeptBuffer is the largest buffer kept for the next message.
	maxKeptBuffer = 1 << 20
)
