// Package pidf writes and reads presence notes: the line of text by which people
// say what they are up to, as PIDF documents (RFC 3863) in the form that Jami
// peers understand.
//
// These peers put the note where RFC 3863 has the words open and closed, in
// <basic>, and look for it there with a pattern; see presence spec 5.1.
package pidf

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MIMEType is the content type of a presence note.
const MIMEType = "application/pidf+xml"

// MaxBody is the longest body that Parse looks at, in bytes. A note is a line of
// text, and the peers that carry it over SIP have room for 8000 bytes.
const MaxBody = 8 << 10

// What stands before and after the note; peers search for the inner tags
// literally, without prefix or attributes.
const (
	openBasic  = "<basic>"
	closeBasic = "</basic>"
	before     = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf">
    <tuple>
    <status>
        ` + openBasic
	after = closeBasic + `
    </status>
    </tuple>
</presence>`
)

// Append appends the document that carries note. The empty note takes back an
// earlier one. A character that XML cannot carry becomes U+FFFD.
func Append(b []byte, note string) []byte {
	b = append(b, before...)
	for _, r := range note {
		switch {
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '&':
			b = append(b, "&amp;"...)
		case !isXML(r):
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, after...)
}

// isXML reports whether XML 1.0 section 2.2 allows r in a document.
func isXML(r rune) bool {
	return r >= ' ' && r != 0xfffe && r != 0xffff || r == '\t' || r == '\n' || r == '\r'
}

// ErrHidden reports a note that the programs of other people do not show.
var ErrHidden = errors.New("pidf: others cannot see this note")

// Showable tells whether the programs of other people show note: they know only
// the letters A to Z and a to z, digits, the underscore and white space. If not,
// the error wraps ErrHidden and says why. An empty note is not shown either:
// they go on showing the one before.
func Showable(note string) error {
	if note == "" {
		return fmt.Errorf("%w: it is empty", ErrHidden)
	}
	for _, r := range note {
		if !isShown(r) {
			return fmt.Errorf("%w: use only letters A-Z and a-z, digits, _ and blanks, not %q", ErrHidden, r)
		}
	}
	return nil
}

// Adapt returns note with every other character than Showable allows replaced
// by a blank, and with single blanks between words. The result is empty when
// nothing is left to show.
func Adapt(note string) string {
	shown := strings.Map(func(r rune) rune {
		if isShown(r) {
			return r
		}
		return ' '
	}, note)
	return strings.Join(strings.Fields(shown), " ")
}

// isShown reports whether r is a word character or white space in ASCII.
func isShown(r rune) bool {
	switch r {
	case '_', ' ', '\t', '\n', '\r':
		return true
	}
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
