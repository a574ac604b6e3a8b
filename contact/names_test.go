package contact

import (
	"strings"
	"time"

	"rollcall/dht/infohash"
)

// start is when every test begins.
var start = time.Unix(1795207000, 0).UTC()

// named returns the id of the account, or of the device "account/device", that a
// test calls by name.
func named(name string) infohash.Hash { return infohash.SumString(name) }

// names finds the name of an id again.
type names map[infohash.Hash]string

func (n names) id(name string) infohash.Hash {
	n[named(name)] = name
	return named(name)
}

func (n names) of(id infohash.Hash) string {
	if id.IsZero() {
		return "-"
	}
	if name, ok := n[id]; ok {
		return name
	}
	return id.Short()
}

// account returns the account part of the name of a device.
func account(device string) string {
	name, _, _ := strings.Cut(device, "/")
	return name
}
