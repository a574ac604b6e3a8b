package daemon

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxTitle bounds the name of a stranger, in runes.
const maxTitle = 128

// displayName returns the formatted name of a vCard (RFC 6350, FN), fit to be
// shown: whoever sends a request has chosen it.
func displayName(card []byte) string {
	for line := range bytes.Lines(card) {
		property, name, found := bytes.Cut(line, []byte(":"))
		property, _, _ = bytes.Cut(property, []byte(";"))
		if !found || !bytes.EqualFold(property, []byte("FN")) || !utf8.Valid(name) {
			continue
		}
		text := strings.NewReplacer(`\,`, ",", `\;`, ";", `\n`, " ", `\N`, " ", `\\`, `\`).Replace(string(name))
		text = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, text)
		runes := []rune(strings.TrimSpace(text))
		return string(runes[:min(len(runes), maxTitle)])
	}
	return ""
}
