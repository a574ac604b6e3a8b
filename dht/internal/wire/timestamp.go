package wire

import (
	"encoding/binary"
	"math"
	"time"
)

// The timestamps of MessagePack: extension -1 over
//
//	4 bytes   seconds, 32 bits
//	8 bytes   nanoseconds, 30 bits; seconds, 34 bits
//	12 bytes  nanoseconds, 32 bits; seconds, 64 bits signed
const (
	fixext4       = 0xd6
	fixext8       = 0xd7
	ext8          = 0xc7
	timestampType = 0xff // -1

	// maxSeconds keeps times within a range in which they can be added to and
	// compared without overflow; peers write up to 2^34 seconds.
	maxSeconds = 1 << 36
)

// appendTime appends t in the shortest form; the zero Time is written as the
// Unix epoch.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	sec, nsec := t.Unix(), uint64(t.Nanosecond())
	switch {
	case nsec == 0 && sec >= 0 && sec <= math.MaxUint32:
		b = append(b, fixext4, timestampType)
		return binary.BigEndian.AppendUint32(b, uint32(sec))
	case sec >= 0 && sec < 1<<34:
		b = append(b, fixext8, timestampType)
		return binary.BigEndian.AppendUint64(b, nsec<<34|uint64(sec))
	default:
		b = append(b, ext8, 12, timestampType)
		b = binary.BigEndian.AppendUint32(b, uint32(nsec))
		return binary.BigEndian.AppendUint64(b, uint64(sec))
	}
}

// parseTime reads one timestamp that fills b. The Unix epoch, which stands for
// an unknown time, gives the zero Time.
func parseTime(b []byte) (t time.Time, ok bool) {
	var sec int64
	var nsec uint64
	switch {
	case len(b) == 6 && b[0] == fixext4 && b[1] == timestampType:
		sec = int64(binary.BigEndian.Uint32(b[2:]))
	case len(b) == 10 && b[0] == fixext8 && b[1] == timestampType:
		v := binary.BigEndian.Uint64(b[2:])
		sec, nsec = int64(v&(1<<34-1)), v>>34
	case len(b) == 15 && b[0] == ext8 && b[1] == 12 && b[2] == timestampType:
		nsec = uint64(binary.BigEndian.Uint32(b[3:]))
		sec = int64(binary.BigEndian.Uint64(b[7:]))
	default:
		return time.Time{}, false
	}
	if sec == 0 && nsec == 0 {
		return time.Time{}, true
	}
	if nsec >= uint64(time.Second) || sec < -maxSeconds || sec > maxSeconds {
		return time.Time{}, false
	}
	return time.Unix(sec, int64(nsec)), true
}
