package contact

import "time"

// Service marks the trust requests of Jami accounts; others are not for us
// (contacts spec 2).
const Service = "cx.ring"

// valueLife is how long storing nodes keep an encrypted value. Its type, which
// would allow a week, is inside the encrypted part (contacts spec 2).
const valueLife = 10 * time.Minute

// requestLife is the life that the type of trust requests promises; after it a
// request is no longer kept alive for a recipient who never shows up.
const requestLife = 7 * 24 * time.Hour

// Keys of the maps of contact records and pending requests (contacts spec 1, 2.1).
const (
	keyAdded        = "added"
	keyRemoved      = "removed"
	keyConfirmed    = "confirmed"
	keyBanned       = "banned"
	keyConversation = "conversationId"
	keyAddedMs      = "addedMs"
	keyRemovedMs    = "removedMs"

	keyDevice     = "device"
	keyReceived   = "received"
	keyPayload    = "payload"
	keyReceivedMs = "receivedMs"
	keyInvitedMs  = "invitedMs"
)

// msPerSecond converts between the two resolutions of times on the wire.
const msPerSecond = 1000
