package contact

// Outcome tells what became of a received message. It is for debug logs; what
// matters to anyone is an effect.
type Outcome uint8

// The outcomes.
const (
	Malformed    Outcome = iota // no such conversation id, or nobody's message
	FromSelf                    // of our own account
	FromBanned                  // of a banned account
	Unasked                     // a confirm that we did not ask for
	Confirmed                   // a confirm of our request
	Answered                    // a request of a contact, answered by a confirm
	AnsweredJust                // the same again within seconds, not answered again
	Decided                     // a request that was decided before
	Duplicate                   // a request that is pending already
	Outdated                    // a request older than the pending one of its account
	Unapproved                  // of a stranger, under a policy that drops those
	Overflow                    // too many requests pending that the user has seen
	Pending                     // a request that waits for the user now
)

func (o Outcome) String() string {
	return [...]string{
		"malformed", "from-self", "from-banned", "unasked", "confirmed", "answered", "answered-just",
		"decided", "duplicate", "outdated", "unapproved", "overflow", "pending",
	}[o]
}
