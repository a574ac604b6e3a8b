package sip

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	parser "github.com/emiago/sipgo/sip"
)

var (
	// ErrTooLong reports a message of more than MaxReceived bytes, or one with
	// more of a head than anybody sends.
	ErrTooLong = errors.New("sip: message too long")
	// ErrFormat reports bytes that are no SIP message.
	ErrFormat = errors.New("sip: malformed message")
)

// Received is a request or a response.
type Received struct {
	Method string // of a request, in upper case; "" of a response
	Status int    // of a response; 0 of a request
	Body   []byte // not shared

	fields []field
}

// field is a header with its name in lower case, in the long form.
type field struct{ name, value string }

// Header returns the value of the first header of that name, which is in lower
// case and in the long form, or "".
func (m *Received) Header(name string) string {
	for _, f := range m.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// ContentType returns the media type of the body in lower case, without
// parameters.
func (m *Received) ContentType() string {
	media, _, _ := strings.Cut(m.Header("content-type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// MessageID returns the number by which copies of a message are known, 0 if there
// is none.
func (m *Received) MessageID() uint64 {
	for _, name := range []string{"message-id", "imdn.message-id"} {
		if id, err := strconv.ParseUint(m.Header(name), 16, 64); err == nil {
			return id
		}
	}
	return 0
}

// Decoder takes the bytes of a channel as they come. The zero Decoder is ready. It
// is not safe for concurrent use, and holds at most MaxReceived bytes and what
// Feed was given last.
type Decoder struct {
	buf     []byte   // from the start of the message that is being received
	scanned int      // bytes of it in which its head does not end
	message Received // whose head was read, if size is set
	size    int      // of the whole message
	length  int      // of its body
	err     error
}

// Feed adds bytes of the stream. p is not retained. Take the messages out by Next
// before feeding more.
func (d *Decoder) Feed(p []byte) {
	if d.err == nil {
		d.buf = append(d.buf, p...)
	}
}

// Next returns the next message, and false if more bytes are needed. An error is
// final: where the next message begins is not known, and the channel is best
// closed.
func (d *Decoder) Next() (Received, bool, error) {
	if d.err == nil && d.size == 0 {
		d.err = d.begin()
	}
	if d.err != nil {
		d.buf = nil
		return Received{}, false, d.err
	}
	if d.size == 0 || len(d.buf) < d.size {
		return Received{}, false, nil
	}
	m := d.message
	m.Body = bytes.Clone(d.buf[d.size-d.length : d.size])
	rest := d.buf[d.size:]
	if len(rest) == 0 {
		rest = nil // a long message leaves no memory behind
	}
	*d = Decoder{buf: rest}
	return m, true, nil
}

// begin reads the head of the first message, once it is whole.
func (d *Decoder) begin() error {
	head, err := d.head()
	if head == nil || err != nil {
		return err
	}
	m, err := parse(head)
	if err != nil {
		return err
	}
	length, err := m.contentLength()
	if err != nil {
		return err
	}
	if len(head)+length > MaxReceived {
		return ErrTooLong
	}
	d.message, d.size, d.length = m, len(head)+length, length
	return nil
}

var headEnd = []byte("\r\n\r\n")

// head returns the lines of the first message with the empty one that ends them,
// nil if they are not there yet. Empty lines before it are keepalives and skipped.
func (d *Decoder) head() ([]byte, error) {
	for len(d.buf) >= 2 && d.buf[0] == '\r' && d.buf[1] == '\n' {
		d.buf, d.scanned = d.buf[2:], 0
	}
	within := d.buf[:min(len(d.buf), maxHead)]
	at := bytes.Index(within[d.scanned:], headEnd)
	switch {
	case at >= 0:
		return within[:d.scanned+at+len(headEnd)], nil
	case len(d.buf) >= maxHead:
		return nil, ErrTooLong
	}
	d.scanned = max(0, len(within)-len(headEnd)+1)
	return nil, nil
}

// lines takes the lines of a head apart. It has no notion of any header, so that
// all of them come out as they are.
var lines = parser.NewParser(parser.WithHeadersParsers(nil))

// parse reads a whole head.
func parse(head []byte) (Received, error) {
	switch n := bytes.Count(head, headEnd[:2]); {
	case n != bytes.Count(head, headEnd[:1]) || n != bytes.Count(head, headEnd[1:2]):
		return Received{}, ErrFormat // half an end of a line
	case n > maxHeaders:
		return Received{}, ErrTooLong
	}
	parsed, _, err := lines.ParseHeaders(head, false)
	if err != nil {
		return Received{}, ErrFormat
	}
	var m Received
	var headers []parser.Header
	switch parsed := parsed.(type) {
	case *parser.Request:
		m.Method, headers = string(parsed.Method), parsed.Headers()
	case *parser.Response:
		m.Status, headers = parsed.StatusCode, parsed.Headers()
	}
	if m.Method == "" && (m.Status < 100 || m.Status > 699) {
		return Received{}, ErrFormat
	}
	for _, h := range headers {
		name := strings.ToLower(h.Name())
		if long, ok := longNames[name]; ok {
			name = long
		}
		m.fields = append(m.fields, field{name, h.Value()})
	}
	return m, nil
}

// contentLength returns how long the body is. On a stream nothing else tells, and
// so it must be there, and once: two of them would be two messages.
func (m *Received) contentLength() (int, error) {
	length := -1
	for _, f := range m.fields {
		if f.name != "content-length" {
			continue
		}
		n, err := strconv.ParseUint(f.value, 10, 31)
		if err != nil || length >= 0 {
			return 0, ErrFormat
		}
		length = int(n)
	}
	if length < 0 {
		return 0, ErrFormat
	}
	return length, nil
}
