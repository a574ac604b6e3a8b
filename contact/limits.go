package contact

import "time"

// Limits of this implementation.
const (
	// MaxPayload bounds the payload of a request, in and out: a value may not
	// exceed 64 kB in all, and it also carries key and signature.
	MaxPayload = 60000
	// MaxContacts bounds the list, tombstones included, against another device
	// that syncs without end; it is ten times the largest list we promise to
	// load quickly.
	MaxContacts = 1_000_000
	// MaxPending bounds the requests that wait for the user (threat A6).
	MaxPending = 1000
	// maxPendingBytes bounds what pending requests hold in memory and on disk.
	maxPendingBytes = 12 << 20
	// maxLoud is how many unseen requests may ask for attention at once; those
	// beyond arrive quietly until the user has looked at the first.
	maxLoud = 20
	// maxDeviceKey bounds the public key of a device: RSA of 8192 bits has 1062.
	maxDeviceKey = 2048
	// maxConversationID bounds the id of a conversation: a git commit id has 40
	// digits today and 64 in its next form.
	maxConversationID = 64

	// maxDecisions bounds the accounts whose decided requests are remembered.
	maxDecisions = 1 << 14
	// decisionLife is how long they are (threat A5).
	decisionLife = 366 * 24 * time.Hour
	// maxDigests bounds the digests remembered for one account, of which only
	// its own messages can fill the list.
	maxDigests = 32

	// maxClockLead is how far ahead of our clock a time from elsewhere may be.
	// Beyond it a record is left out of a merge (threat A18) and the date of a
	// request counts as now.
	maxClockLead = time.Hour

	// maxPolicyEntries bounds allow-list and invite codes.
	maxPolicyEntries = 10000
	// minCode keeps invite codes from being guessed, or found in a vCard by
	// accident.
	minCode = 16
)

// Times of the outbox.
const (
	// keepAlive is when a stored value is put again: early enough for two more
	// tries before the storing nodes drop it.
	keepAlive = valueLife - 90*time.Second
	// keepAliveJitter spreads these puts.
	keepAliveJitter = 30 * time.Second
	// putTimeout ends the wait for the outcome of a put. The network gives up
	// on its own well before.
	putTimeout = 2 * time.Minute
	// minRetry and maxRetry bound the doubling wait after a put that failed.
	minRetry = 5 * time.Second
	maxRetry = 5 * time.Minute
	// maxRetryPresent is the bound while the recipient is there: a minute
	// together is enough to deliver (fault F6).
	maxRetryPresent = 30 * time.Second
	// minPutGap is the least time between two puts to one device, however
	// often it comes and goes.
	minPutGap = 20 * time.Second
	// settle is how long a recipient must have been there with a confirm before
	// the confirm counts as delivered; nobody acknowledges it.
	settle = time.Minute
	// confirmLife ends the attempts to deliver a confirm: whoever still misses it
	// asks again, and is answered again.
	confirmLife = 24 * time.Hour
	// answerGap is the least time between two equal confirms to one device.
	answerGap = 10 * time.Second
	// resendGap makes one request of two equal ones that follow each other, such
	// as from a double click.
	resendGap = time.Minute
	// restartSpread spreads the first puts after a start.
	restartSpread = 10 * time.Second
	// maxRecipients bounds the devices of one account that get a message.
	maxRecipients = 32
)
