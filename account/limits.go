package account

import "time"

const (
	// maxReceipt bounds the files of a receipt; real ones have 3 kB.
	maxReceipt = 64 << 10
	// maxJobs bounds the messages and certificates of one account that are worked
	// on at once, those of strangers apart: each costs an RSA operation or a lookup.
	maxJobs = 8
	// maxWaiting bounds the received messages whose sender is yet to be found.
	maxWaiting = 256
	// refreshLive is how often the tracker hears that a value is still held: well
	// within the ten minutes after which it would end by its own clock. The
	// node watches over the lives of values itself and only tells of their end.
	refreshLive = 4 * time.Minute
	// statusPoll is how soon a loss of the network is noticed.
	statusPoll = 5 * time.Second
	// renewalBeat is the period in which accounts on one node renew their announcements
	// together, beatsPerLease what of a short lease it is: a renewal is late by
	// that, and has two fifths of the lease.
	renewalBeat   = time.Second
	beatsPerLease = 60
	// checkGap is how long it holds that enough nodes have kept an announcement:
	// what could change is the clocks, and to ask costs as much as to announce.
	checkGap = 5 * time.Minute
	// judgeLater is how long a device that appears is left alone before its certificate
	// is looked for: a search and its answers would take the processors from those who
	// pass on that somebody is there.
	judgeLater = 10 * time.Millisecond
	// jobTimeout ends a put or a lookup that nobody answers.
	jobTimeout = time.Minute
	// minRetry and maxRetry bound the doubling wait between attempts.
	minRetry = 2 * time.Second
	maxRetry = 5 * time.Minute
	// senderTries is how often the certificate of the sender of a message is
	// looked for; the message is gone from the network after ten minutes.
	senderTries = 7
	// decryptRate and decryptBurst bound the RSA decryptions of what strangers
	// put at our inbox (threat A6); each takes 5 ms.
	decryptRate  = 20
	decryptBurst = 200
)
