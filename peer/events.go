package peer

import "rollcall/channel"

// Event is what [Config].Notify is told: a [Connected], [ChannelOpened],
// [ChannelClosed] or [Disconnected]. For each connection Connected comes first and
// Disconnected last, and each channel that was opened is closed in between.
type Event any

// Connected tells of a connection with a device. There may be several with one
// device; the newest is the one to use.
type Connected struct{ Conn *Conn }

// ChannelOpened tells of a channel, whichever side asked for it.
type ChannelOpened struct {
	Conn *Conn
	Name string
}

// ChannelClosed tells of its end. [channel.StreamEnd] and [channel.Silent] mean
// that the device is gone, as far as this connection tells.
type ChannelClosed struct {
	Conn   *Conn
	Name   string
	Reason channel.Reason
}

// Disconnected tells of the end of a connection.
type Disconnected struct {
	Conn   *Conn
	Reason channel.Reason
}
