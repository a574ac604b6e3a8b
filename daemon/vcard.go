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
		return fitName(text)
	}
	return ""
}

// fitName returns a name that is one line, and not too long to be shown.
func fitName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	runes := []rune(strings.TrimSpace(name))
	return string(runes[:min(len(runes), maxTitle)])
}

// vCard returns a card that says a name, as Jami's clients write theirs, or nil
// without a name.
func vCard(name string) []byte {
	if name = fitName(name); name == "" {
		return nil
	}
	return []byte("BEGIN:VCARD\nVERSION:2.1\nFN:" + name + "\nEND:VCARD")
}

// Card returns what an account tells of itself to whom it asks to be a contact: a
// vCard with its display name, or nil if it has none.
func (d *Daemon) Card(id AccountID) ([]byte, error) {
	details, err := d.Details(id)
	if err != nil {
		return nil, err
	}
	return vCard(details[keyDisplayName]), nil
}
