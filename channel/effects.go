package channel

// Effect is something for the driver to do or to tell.
type Effect struct {
	Kind    Kind
	Channel uint16 // not of Ended
	Name    string // of Requested
	Data    []byte // of Data; aliases what Handle was given
	Reason  Reason // of Closed and Ended
}

// Kind is the kind of an Effect.
type Kind uint8

const (
	// Requested tells of a channel that the peer asks for: call Accept or
	// Decline, within DecisionLimit.
	Requested Kind = iota
	// Opened tells that the peer accepted a channel that we asked for.
	Opened
	// Data hands over bytes of a channel: call Consumed as they are read.
	Data
	// Closed tells that a channel or a request ended. Data that came before
	// may still be read, but is to be thrown away if the reason is Slow. A
	// channel that was open keeps its number until Close is called.
	Closed
	// Ended tells that the session is over: send what Output has, then close
	// the stream. It is the last effect.
	Ended
)

// Stats counts what happened in a session.
type Stats struct {
	BytesIn, BytesOut   uint64
	FramesIn, FramesOut uint64
	Stray               uint64          // bytes received for channels that were not open
	Ignored             uint64          // control messages that mean nothing to us
	Held                uint64          // times that a slow reader held back the stream
	Ends                [reasons]uint64 // channels, requests and sessions that ended, by Reason
}
