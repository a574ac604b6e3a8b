package identity

// Limits of this implementation. What comes from the network or from a file
// and exceeds them is refused with an error that names the limit. Certificates,
// chains and keys are bounded as in package value.
const (
	// MaxRevocationListSize bounds a revocation list to what fits into a
	// value of the network; that is room for two thousand devices.
	MaxRevocationListSize = 64 << 10
	// MaxArchiveSize bounds an archive, packed as well as inflated, so that a
	// small hostile file cannot fill the memory.
	MaxArchiveSize = 64 << 20

	// minRSABits is what peers demand of every certificate of a chain.
	minRSABits = 2048
	// maxKeyFile bounds a private key in PEM: the largest key takes 6.4 kB, and
	// checking a key takes time by the cube of its length.
	maxKeyFile = 16 << 10
	// maxSerialSize bounds a serial or list number; RFC 5280 allows 20 bytes.
	maxSerialSize = 20
)
