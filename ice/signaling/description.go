package signaling

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDescription reports an ICE description that cannot be read.
var ErrDescription = errors.New("signaling: bad ICE description")

// Description is what one side says about itself for ICE: its credentials, and
// where it can be reached or connects from. As text (ice_msg, peer spec 2.1),
// each line ended by LF:
//
//	ufrag
//	password
//	candidate, any number of times
type Description struct {
	Ufrag      string
	Password   string
	Candidates []Candidate
}

// Append appends the description as peers write it.
func (d *Description) Append(b []byte) []byte {
	b = append(append(b, d.Ufrag...), '\n')
	b = append(append(b, d.Password...), '\n')
	for i := range d.Candidates {
		b = append(d.Candidates[i].Append(b), '\n')
	}
	return b
}

// String returns the text of the description: the ice_msg of a Request.
func (d *Description) String() string { return string(d.Append(nil)) }

// ParseDescription reads a description. Like peers, it passes over candidate
// lines that it cannot read or use: UDP, other components, names in the place of
// addresses. It is an error if the text is longer than MaxDescription or lacks
// usable credentials; a description without a candidate is none.
func ParseDescription(text string) (Description, error) {
	if len(text) > MaxDescription {
		return Description{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrDescription, len(text), MaxDescription)
	}
	var d Description
	lines := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if lines++; lines > maxLines || len(d.Candidates) == MaxCandidates {
			break
		}
		switch {
		case d.Ufrag == "":
			d.Ufrag = line
		case d.Password == "":
			d.Password = line
		default:
			if c, err := ParseCandidate(line); err == nil {
				d.Candidates = append(d.Candidates, c)
			}
		}
	}
	if !credential(d.Ufrag) || !credential(d.Password) {
		return Description{}, fmt.Errorf("%w: no usable ufrag and password in the first two lines", ErrDescription)
	}
	return d, nil
}

// credential reports whether s can be a ufrag or password. Those of RFC 5245
// consist of letters, digits, plus and slash; what must not be within is what
// ends a line or the name in a check.
func credential(s string) bool {
	if s == "" || len(s) > maxCredential {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ':' {
			return false
		}
	}
	return true
}
