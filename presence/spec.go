package presence

import "time"

// Life is how long storing nodes keep an announcement after its creation date
// (account spec 5).
const Life = 10 * time.Minute

// keyDate is the key of the signed time in an announcement: Unix milliseconds.
// Peers that do not know it pass over it.
const keyDate = "date"
