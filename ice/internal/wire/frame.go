// Package wire reads and writes what goes over an ICE-TCP connection: frames,
// and the connectivity checks within them.
//
// Source: peer spec 2.3 and 2.4; RFC 4571, RFC 5389, RFC 5245 section 7. The
// attributes of STUN are those of github.com/pion/stun.
package wire

import "encoding/binary"

// A frame is a length of two bytes, big-endian, and as many bytes: a STUN
// message, or a piece of the stream (RFC 4571 section 2). Where a frame ends
// means nothing to the stream.
const (
	// HeaderSize is the size of the length before each frame.
	HeaderSize = 2
	// MaxFrame is the size of the largest frame.
	MaxFrame = 1<<16 - 1
	// MinCheck is the size of the smallest STUN message, and of the part of a
	// frame that IsCheck looks at.
	MinCheck = 20
	// MaxCheck is the size of the largest frame taken for a STUN message. Those
	// of peers have 120 bytes; a username of two long ufrags needs 700.
	MaxCheck = 1024
)

// AppendHeader appends the header of a frame of n bytes, at most MaxFrame.
func AppendHeader(b []byte, n int) []byte { return binary.BigEndian.AppendUint16(b, uint16(n)) }

// FrameSize returns the size of the frame that begins with header, which has
// HeaderSize bytes.
func FrameSize(header []byte) int { return int(binary.BigEndian.Uint16(header)) }

// cookie is the fixed part of each STUN message (RFC 5389 section 6).
const cookie = 0x2112a442

// IsCheck reports whether a frame of size bytes, of which start holds the first
// MinCheck or more, is a STUN message rather than a piece of the stream: by the
// two zero bits, the cookie and the length (peer spec 2.3).
func IsCheck(start []byte, size int) bool {
	return size >= MinCheck && size <= MaxCheck && len(start) >= MinCheck &&
		start[0]&0xc0 == 0 &&
		binary.BigEndian.Uint32(start[4:]) == cookie &&
		int(binary.BigEndian.Uint16(start[2:])) == size-MinCheck
}
