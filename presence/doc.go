// Package presence implements who is there: announcing that a device of an
// account is on the network, and following which contacts are.
//
// An [Announcer] decides when the announcement of a device is put, under which
// value id and with what life. A [Tracker] turns what is found at the ids of
// other accounts into a status per account: offline, on the network, or
// connected.
//
// Both are cores: no goroutine, no lock, no clock, no socket. Time is an argument
// and should carry a monotonic reading, as that of time.Now does: lives are
// measured by it and survive any change of the wall clock.
//
// Source: presence spec 1 to 4; account spec 5; threats A2 to A4, A16, fault F5.
package presence
