package presence

import "time"

// Life is how long storing nodes keep an announcement after its creation date
// (account spec 5).
const Life = 10 * time.Minute

// Keys of the signed time in an announcement, see [AppendDated]. Peers that do not
// know them pass over them.
const (
	keyDate    = "date"
	keyLasting = "lasting"
)
