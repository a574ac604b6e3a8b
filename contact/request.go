package contact

import (
	"crypto/sha256"
	"encoding/binary"

	"rollcall/dht/infohash"
)

// Digest identifies the content of a trust request with its sender, however
// often and under whatever value it was put.
type Digest [sha256.Size]byte

// Message is a trust request or the confirmation of one, as it came out of the
// decryption of a value at our inbox. The driver has checked that the value was
// encrypted for and addressed to this device, that the sending device signed it,
// that the certificate of the device leads to the account From, and that neither
// is revoked (contacts spec 4, steps 1 to 3). The slices are not retained when
// the message is not.
type Message struct {
	From           infohash.Hash // account of the sending device, from its chain only
	Device         infohash.Hash // sending device
	DeviceKey      []byte        // its DER SubjectPublicKeyInfo
	ConversationID string
	Payload        []byte // a vCard, opaque here
	Confirm        bool   // answers a request of ours instead of making one
	Invited        int64  // the sender's time of the first sending, 0 unknown
}

// Digest returns the identity of the message.
func (m Message) Digest() Digest {
	h := sha256.New()
	h.Write(m.From[:])
	var head [17]byte
	binary.BigEndian.PutUint64(head[:], uint64(m.Invited))
	binary.BigEndian.PutUint64(head[8:], uint64(len(m.ConversationID)))
	if m.Confirm {
		head[16] = 1
	}
	h.Write(head[:])
	h.Write([]byte(m.ConversationID))
	h.Write(m.Payload)
	return Digest(h.Sum(nil))
}

// Request is a trust request that waits for the user.
type Request struct {
	From           infohash.Hash
	Device         infohash.Hash // sending device, zero when only its key is known
	DeviceKey      []byte
	ConversationID string // exactly as received; the answer echoes it
	Payload        []byte // empty when it was over MaxPayload
	Received       int64  // our time of its arrival
	Invited        int64  // the sender's time, 0 unknown
	Digest         Digest // of the message
	Quiet          bool   // do not ask for attention
	Seen           bool   // the user has looked at it
	Approved       bool   // by the policy: of no stranger
}

// date is the time that orders the requests of one account: the sender's word,
// or our own when there is none.
func (r *Request) date() int64 {
	if r.Invited != 0 {
		return r.Invited
	}
	return r.Received
}

// size is what the request holds in memory and on disk.
func (r *Request) size() int {
	const fields = 256
	return fields + len(r.DeviceKey) + len(r.Payload)
}
