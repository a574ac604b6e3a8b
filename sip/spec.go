package sip

// The methods that are treated differently; see [Answer].
const (
	Message = "MESSAGE"
	Invite  = "INVITE"
	Ack     = "ACK"
	Bye     = "BYE"
	Cancel  = "CANCEL"
)

// The statuses that are sent (RFC 3261 section 21).
const (
	StatusOK            = 200
	StatusNoTransaction = 481
	StatusDecline       = 603
)

var reasons = map[int]string{
	StatusOK:            "OK",
	StatusNoTransaction: "Call/Transaction Does Not Exist",
	StatusDecline:       "Decline",
}

// longNames are the names of the headers that have a compact form too (RFC 3261
// section 7.3.3), of those that are read here.
var longNames = map[string]string{
	"c": "content-type",
	"f": "from",
	"i": "call-id",
	"l": "content-length",
	"t": "to",
	"v": "via",
}
