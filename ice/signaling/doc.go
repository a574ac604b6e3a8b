// Package signaling reads and writes what two devices tell each other over the
// DHT before they connect: the PeerConnectionRequest, and within it the ICE
// description of each side.
//
// Source: peer spec 1.2 and 2.1. The forms follow RFC 5245 section 15.1 and RFC
// 6544 section 4.5, without the SDP around them.
package signaling
