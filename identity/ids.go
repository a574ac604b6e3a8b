package identity

import (
	"encoding/hex"
	"errors"
	"fmt"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// ErrLongID reports text that is not a long device id.
var ErrLongID = errors.New("identity: want a long device id: 64 hexadecimal digits")

// ParseLongID reads a long device id: exactly 64 hexadecimal digits, in either
// case. Short ids, of devices and accounts, are read by [infohash.Parse].
func ParseLongID(s string) (value.LongID, error) {
	var id value.LongID
	if len(s) != hex.EncodedLen(len(id)) {
		return value.LongID{}, fmt.Errorf("%w, got %d characters", ErrLongID, len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return value.LongID{}, fmt.Errorf("%w, got %q", ErrLongID, s)
	}
	return id, nil
}

// InboxKey returns where values encrypted for the device with this short id are
// put (account spec 1).
func InboxKey(device infohash.Hash) infohash.Hash {
	return infohash.SumString("inbox:" + device.String())
}
