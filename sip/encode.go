package sip

import (
	"fmt"
	"net/netip"
	"strings"

	"rollcall/dht/infohash"
)

// Outgoing is a MESSAGE request.
type Outgoing struct {
	From, To infohash.Hash // the accounts
	// Local and Remote are the addresses of the connection. Nothing depends on
	// them, and they may be zero.
	Local, Remote netip.AddrPort
	// Branch, Tag and CallID name the transaction, the sender and the call: fresh
	// tokens, without what separates tokens in SIP.
	Branch, Tag, CallID string
	// ID is equal in all copies of a message.
	ID   uint64
	Type string // the media type of Body
	Body []byte
}

// Append appends the request in the form that peers take (peer spec 6.2).
func (m *Outgoing) Append(b []byte) []byte {
	remote, local := host(m.Remote), host(m.Local)
	b = fmt.Appendf(b, "%s sip:%v@%s SIP/2.0\r\n", Message, m.To, remote)
	b = fmt.Appendf(b, "Via: SIP/2.0/TLS %s;rport;branch=z9hG4bK%s\r\n", local, m.Branch)
	b = append(b, "Max-Forwards: 70\r\n"...)
	b = fmt.Appendf(b, "From: <sip:%v@ring.dht>;tag=%s\r\n", m.From, m.Tag)
	b = fmt.Appendf(b, "To: <sip:%v@%s>\r\n", m.To, remote)
	b = fmt.Appendf(b, "Call-ID: %s\r\n", m.CallID)
	b = fmt.Appendf(b, "CSeq: 1 %s\r\n", Message)
	b = fmt.Appendf(b, "Message-ID: %016x\r\n", m.ID)
	b = fmt.Appendf(b, "Content-Type: %s\r\n", m.Type)
	b = fmt.Appendf(b, "Content-Length: %d\r\n\r\n", len(m.Body))
	return append(b, m.Body...)
}

// host returns an address as it stands in a URI.
func host(addr netip.AddrPort) string {
	if !addr.IsValid() {
		return "ring.dht"
	}
	return netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port()).String()
}

// Answer returns the status by which a request of that method is to be answered
// at once, and 0 if not at all (peer spec 6.3). Calls are declined. What belongs
// to a call that does not exist says so, and any other request is fine.
func Answer(method string) int {
	switch method {
	case Ack:
		return 0
	case Invite:
		return StatusDecline
	case Bye, Cancel:
		return StatusNoTransaction
	}
	return StatusOK
}

// AppendAnswer appends the response to a request. The tag goes into To unless it
// has one (RFC 3261 section 8.2.6.2).
func AppendAnswer(b []byte, request *Received, status int, tag string) []byte {
	b = fmt.Appendf(b, "SIP/2.0 %d %s\r\n", status, reasons[status])
	for _, copied := range []struct{ name, title string }{
		{"via", "Via"}, {"from", "From"}, {"to", "To"}, {"call-id", "Call-ID"}, {"cseq", "CSeq"},
	} {
		for _, f := range request.fields {
			if f.name != copied.name {
				continue
			}
			b = fmt.Appendf(b, "%s: %s", copied.title, f.value)
			if f.name == "to" && !tagged(f.value) {
				b = fmt.Appendf(b, ";tag=%s", tag)
			}
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "Content-Length: 0\r\n\r\n"...)
}

// tagged reports whether a To header has a tag.
func tagged(to string) bool {
	_, parameters, found := strings.Cut(to[strings.LastIndexByte(to, '>')+1:], ";")
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, _, _ := strings.Cut(parameter, "=")
		if found && strings.EqualFold(strings.TrimSpace(name), "tag") {
			return true
		}
	}
	return false
}
