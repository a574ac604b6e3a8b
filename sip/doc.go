// Package sip reads and writes the few SIP messages (RFC 3261) that Jami devices
// exchange on their channels named sip: texts and notes in MESSAGE requests, and
// the answers to them (peer spec 6).
//
// There is no registration and no dialog. Who a message is from is a matter of the
// connection it came by: nothing in a header proves anything, and none is read for
// that.
//
// The lines of a message are taken apart by sipgo's parser. It gets one whole,
// bounded head at a time and leaves the values of headers alone, so that answers
// repeat them byte for byte.
package sip
