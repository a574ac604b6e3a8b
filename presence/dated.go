package presence

import (
	"time"

	"rollcall/dht/value"
	"rollcall/internal/msgpack"
)

// Stamp is the signed time of an announcement (threat A3). The zero Stamp is that
// of an undated one.
type Stamp struct {
	Date time.Time
	// Lasting tells that the device will not date its announcements any more: this
	// one counts for good, as an undated one does for those who have seen no date.
	Lasting bool
}

// AppendDated appends the payload of a dated announcement: the map of
// [value.DeviceAnnouncement] with one or two more pairs
//
//	date      int    Unix milliseconds
//	lasting   bool   true, or absent
func AppendDated(b []byte, d value.DeviceAnnouncement, s Stamp) []byte {
	plain := d.Append(nil)
	r := msgpack.NewReader(plain)
	pairs := r.Map() + 1
	if s.Lasting {
		pairs++
	}
	b = msgpack.AppendMap(b, pairs)
	b = append(b, r.Rest()...)
	b = msgpack.AppendString(b, keyDate)
	b = msgpack.AppendInt(b, s.Date.UnixMilli())
	if s.Lasting {
		b = msgpack.AppendString(b, keyLasting)
		b = msgpack.AppendBool(b, true)
	}
	return b
}

// ReadStamp reads the signed time of the payload of an announcement. It is zero
// when there is none, or none that is an integer.
func ReadStamp(data []byte) (s Stamp) {
	r := msgpack.NewReader(data)
	for range r.Map() {
		if r.Kind() != msgpack.KindString {
			r.Skip()
			r.Skip()
			continue
		}
		switch key := string(r.Str()); {
		case key == keyDate && r.Kind() == msgpack.KindInt:
			if ms := r.Int(); r.Err() == nil && ms > 0 {
				s.Date = time.UnixMilli(ms)
			}
		case key == keyLasting && r.Kind() == msgpack.KindBool:
			s.Lasting = r.Bool()
		default:
			r.Skip()
		}
	}
	if s.Date.IsZero() {
		return Stamp{}
	}
	return s
}
