package channel

// Reason says how a channel, a request or a session came to its end. It is an
// error, for those who waited.
type Reason uint8

// The ends of channels and requests.
const (
	Local      Reason = iota // we closed it
	Remote                   // the peer closed it
	Declined                 // the peer declined our request
	Refused                  // we declined the peer's request
	Taken                    // ... because its number is reserved or in use
	TooLong                  // ... because its name is longer than MaxName
	TooMany                  // ... because MaxChannels were reached, or it asks too often
	Unanswered               // a request was not answered in time, by either side
	Slow                     // data came faster than its reader took it
)

// The ends of sessions, beside Local. The channels of a session end with it for
// the same reason.
const (
	StreamEnd  Reason = Slow + 1 + iota // the stream broke off or was closed by the peer
	BadFrame                            // the stream held something else than frames
	BadControl                          // a control message was no msgpack
	Silent                              // the peer did not answer a beacon, or never said a word
	Backlog                             // the peer asked without reading the answers

	reasons
)

var reasonTexts = [reasons]string{
	Local:      "closed",
	Remote:     "closed by the peer",
	Declined:   "declined by the peer",
	Refused:    "declined",
	Taken:      "declined: channel number is not free",
	TooLong:    "declined: name too long",
	TooMany:    "declined: too many channels",
	Unanswered: "not answered in time",
	Slow:       "reader too slow",
	StreamEnd:  "the connection ended",
	BadFrame:   "the peer sent no frame",
	BadControl: "the peer sent a malformed control message",
	Silent:     "the peer is silent",
	Backlog:    "the peer reads no answers",
}

// String returns a short text without a prefix.
func (r Reason) String() string {
	if r >= reasons {
		return "unknown reason"
	}
	return reasonTexts[r]
}

func (r Reason) Error() string { return "channel: " + r.String() }
