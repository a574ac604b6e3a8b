package identity

import (
	"errors"
	"fmt"
	"strings"

	"rollcall/dht/infohash"
)

// ErrURI reports text that does not name an account.
var ErrURI = errors.New("identity: want an account URI: 40 hexadecimal digits, after jami: or ring: or nothing")

// maxShownURI bounds how much of a refused URI its error repeats.
const maxShownURI = 64

// ParseURI reads the account id of an account URI: "jami:" or "ring:" in any
// case or nothing, 40 hexadecimal digits in any case, and optionally a tail
// that begins with "@" or ">" and means nothing (account spec 1).
func ParseURI(s string) (infohash.Hash, error) {
	rest := s
	for _, scheme := range []string{"jami:", "ring:"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			rest = s[len(scheme):]
			break
		}
	}
	if i := strings.IndexAny(rest, "@>"); i >= 0 {
		rest = rest[:i]
	}
	id, err := infohash.Parse(rest)
	if err != nil || id.IsZero() {
		shown := s
		if len(shown) > maxShownURI {
			shown = shown[:maxShownURI] + "…"
		}
		return infohash.Hash{}, fmt.Errorf("%w, got %q", ErrURI, shown)
	}
	return id, nil
}

// URI returns the account URI of an account id, in the form that clients show.
func URI(account infohash.Hash) string { return "jami:" + account.String() }
