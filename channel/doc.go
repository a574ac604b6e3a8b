// Package channel carries many channels over one authenticated byte stream, as
// Jami devices do once TLS stands between them (peer spec 4).
//
//	frame    = 92 <channel: uint16> <payload: bin of at most 65535 bytes>
//	channel 0xffff: {"v": 1} the version; {"p": true} a beacon, {"p": false} its answer
//	channel 0:      [name, channel, 0] asks, [.., 1] accepts, [.., 2] declines
//	other channels: data; an empty payload closes
//
// A Session is the protocol as a function of its input. Package stream runs one
// over a connection.
//
// The wire knows no windows. So a session holds back the whole stream when data
// arrives for a channel whose reader is behind by Window bytes, but only for
// StallLimit: a reader that has not caught up by then loses its channel, and
// the others go on.
package channel
