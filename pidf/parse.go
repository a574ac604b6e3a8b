package pidf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

var (
	// ErrTooLong reports a body of more than MaxBody bytes.
	ErrTooLong = errors.New("pidf: document too long")
	// ErrDTD reports a document with a type definition: none is needed, and
	// entities of its own are how a short text becomes a long one.
	ErrDTD = errors.New("pidf: document with a type definition")
	// ErrSyntax reports a body in which no document can be seen.
	ErrSyntax = errors.New("pidf: not a presence document")
)

// Parse returns the note that a presence document carries, which is empty if
// its owner has none: the first <note> with a text, else the text of <basic>
// unless that is open or closed. Prefixes and name spaces do not matter, and
// every element is optional. The note may hold any text in UTF-8, except for
// control characters other than white space.
func Parse(body []byte) (note string, err error) {
	if len(body) > MaxBody {
		return "", ErrTooLong
	}
	note, err = parse(body)
	if err == nil || errors.Is(err, ErrDTD) {
		return note, err
	}
	// Peers insert notes as they are, so that "1 < 2" is no XML any more.
	if note, ok := literal(body); ok {
		return note, nil
	}
	return "", fmt.Errorf("%w: %w", ErrSyntax, err)
}

var (
	errUnclosed = errors.New("an element does not end")
	errNothing  = errors.New("no element of one")
)

// parse reads body as XML, without looking at the nesting of its elements.
func parse(body []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false // takes a bare & as it is
	var doc document
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return doc.result()
		}
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.Directive:
			return "", ErrDTD
		case xml.StartElement:
			doc.start(token.Name.Local)
		case xml.EndElement:
			doc.end(token.Name.Local)
		case xml.CharData:
			if doc.in != "" {
				doc.text.Write(token)
			}
		}
	}
}

// document is what was read of one so far.
type document struct {
	in          string // the element whose text is being read, or nothing
	text        strings.Builder
	seen        bool // an element of a presence document
	note, basic string
}

func (d *document) start(name string) {
	if d.in != "" {
		return
	}
	switch name {
	case "note", "basic":
		d.in = name
		d.text.Reset()
		d.seen = true
	case "presence":
		d.seen = true
	}
}

func (d *document) end(name string) {
	if d.in == "" || name != d.in {
		return
	}
	d.in = ""
	switch {
	case name == "note" && d.note == "":
		d.note = d.text.String()
	case name == "basic" && d.basic == "":
		d.basic = d.text.String()
	}
}

func (d *document) result() (string, error) {
	switch {
	case d.in != "":
		return "", errUnclosed
	case !d.seen:
		return "", errNothing
	case d.note != "":
		return d.note, nil
	}
	switch strings.TrimSpace(d.basic) {
	case "open", "closed":
		return "", nil
	}
	return d.basic, nil
}

// literal returns what stands between the tags as peers write them.
func literal(body []byte) (string, bool) {
	_, rest, _ := bytes.Cut(body, []byte(openBasic))
	text, _, ok := bytes.Cut(rest, []byte(closeBasic))
	if !ok || !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return !isXML(r) }) {
		return "", false
	}
	return string(text), true
}
