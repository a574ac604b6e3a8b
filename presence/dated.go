package presence

import (
	"time"

	"rollcall/dht/value"
	"rollcall/internal/msgpack"
)

// AppendDated appends the payload of an announcement with a signed time (threat
// A3): the map of [value.DeviceAnnouncement] with one more pair
//
//	date   int   Unix milliseconds
func AppendDated(b []byte, d value.DeviceAnnouncement, date time.Time) []byte {
	plain := d.Append(nil)
	r := msgpack.NewReader(plain)
	b = msgpack.AppendMap(b, r.Map()+1)
	b = append(b, r.Rest()...)
	b = msgpack.AppendString(b, keyDate)
	return msgpack.AppendInt(b, date.UnixMilli())
}

// Date reads the signed time of the payload of an announcement. It is zero when
// there is none, or none that is an integer.
func Date(data []byte) time.Time {
	r := msgpack.NewReader(data)
	for range r.Map() {
		if r.Kind() != msgpack.KindString {
			r.Skip()
			r.Skip()
			continue
		}
		if string(r.Str()) != keyDate || r.Kind() != msgpack.KindInt {
			r.Skip()
			continue
		}
		if ms := r.Int(); r.Err() == nil && ms > 0 {
			return time.UnixMilli(ms)
		}
	}
	return time.Time{}
}
