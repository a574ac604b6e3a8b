package channel

import (
	"encoding/binary"

	"rollcall/internal/msgpack"
)

// maxHeader is the longest header of a frame: 92, cd and two bytes of channel,
// c6 and four bytes of length.
const maxHeader = 9

// frame is what a header says.
type frame struct {
	channel uint16
	size    int // of the payload
}

// AppendFrame appends a frame that carries payload, of at most MaxPayload bytes,
// on a channel.
func AppendFrame(b []byte, channel uint16, payload []byte) []byte {
	b = append(b, 0x92)
	b = msgpack.AppendUint(b, uint64(channel))
	return msgpack.AppendBin(b, payload)
}

// parseHeader reads the header at the start of b and returns its size, which is
// zero as long as b holds only a part of one. It reports whether b can be a header.
func parseHeader(b []byte) (f frame, size int, ok bool) {
	if len(b) > 0 && b[0] != 0x92 {
		return frame{}, 0, false
	}
	if len(b) < 2 {
		return frame{}, 0, true
	}
	rest := b[2:]
	switch c := b[1]; {
	case c < 0x80:
		f.channel = uint16(c)
	case c == 0xcc && len(rest) >= 1:
		f.channel, rest = uint16(rest[0]), rest[1:]
	case c == 0xcd && len(rest) >= 2:
		f.channel, rest = binary.BigEndian.Uint16(rest), rest[2:]
	default:
		return frame{}, 0, c == 0xcc || c == 0xcd
	}
	if len(rest) == 0 {
		return frame{}, 0, true
	}
	c, rest := rest[0], rest[1:]
	switch {
	case c == 0xc4 && len(rest) >= 1:
		f.size, rest = int(rest[0]), rest[1:]
	case c == 0xc5 && len(rest) >= 2:
		f.size, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
	case c == 0xc6 && len(rest) >= 4:
		n := binary.BigEndian.Uint32(rest)
		if n > MaxPayload {
			return frame{}, 0, false
		}
		f.size, rest = int(n), rest[4:]
	default:
		return frame{}, 0, c >= 0xc4 && c <= 0xc6
	}
	return f, len(b) - len(rest), true
}

// appendVersion appends the payload that announces our version.
func appendVersion(b []byte) []byte {
	b = msgpack.AppendMap(b, 1)
	b = msgpack.AppendString(b, "v")
	return msgpack.AppendUint(b, Version)
}

// appendBeacon appends the payload of a beacon, or of the answer to one.
func appendBeacon(b []byte, ask bool) []byte {
	b = msgpack.AppendMap(b, 1)
	b = msgpack.AppendString(b, "p")
	return msgpack.AppendBool(b, ask)
}

// appendRequest appends the payload of a channel request or of the answer to one.
func appendRequest(b []byte, name string, channel uint16, state uint64) []byte {
	b = msgpack.AppendArray(b, 3)
	b = msgpack.AppendString(b, name)
	b = msgpack.AppendUint(b, uint64(channel))
	return msgpack.AppendUint(b, state)
}
