package storage

// Limits of this implementation. What is stored for others is counted in bytes of
// memory, records included, so that small values cannot cost more than large ones.
const (
	// defaultBytes and defaultListenerBytes bound what is held for others in all:
	// some 300,000 small values and 100,000 listeners.
	defaultBytes         = 64 << 20
	defaultListenerBytes = 16 << 20

	// valueCost is what a value takes beside its packed bytes: its record, that of
	// its key, and their places in the indexes, the heap and the log.
	valueCost = 120
	// listenerCost is the same for a listener, whose filter is counted apart:
	// filterCost, its packed query, and conditionCost for each condition.
	listenerCost  = 176
	filterCost    = 160
	conditionCost = 64
	// accountCost is what the books on one origin take, and those on its network.
	accountCost = 208

	// maxQuery bounds the packed query of a listener: eight conditions on numbers,
	// or three on owners.
	maxQuery = 256
	// maxKeyListeners and maxNodeListeners bound the listeners on one key, in all
	// and of one node, which picks socket ids and queries at will.
	maxKeyListeners  = 512
	maxNodeListeners = 32

	// keySample is how many values of a full key compete when one must go: enough
	// that a network with a tenth of them is among them.
	keySample = 64
	// expiriesPerTick bounds the work of one Tick to about a millisecond. Values
	// that must wait are no longer answered with.
	expiriesPerTick = 1024
	// keptPushMemory bounds the buffers that are kept for the next pushes.
	keptPushMemory = 1 << 20
)

// An origin may take half of the whole, so that one large proxy can be served, a
// network three quarters, and a key an eighth. Within that, whoever takes most loses
// first when the whole is full.
func originLimit(whole int) int  { return whole / 2 }
func networkLimit(whole int) int { return whole / 4 * 3 }
func keyLimit(whole int) int     { return whole / 8 }
