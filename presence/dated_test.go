package presence

import (
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/internal/msgpack"
)

func TestDated(t *testing.T) {
	key := []byte("key of the phone")
	plain := value.DeviceAnnouncement{Device: infohash.Sum(key), PublicKey: key}
	date := time.UnixMilli(1795207392123)
	for _, want := range []Stamp{{date, false}, {date, true}} {
		if got := ReadStamp(AppendDated(nil, plain, want)); got != want {
			t.Errorf("stamp %+v, want %+v", got, want)
		}
	}
	dated := AppendDated(nil, plain, Stamp{date, true})
	if got, err := value.ParseDeviceAnnouncement(dated); err != nil || got.Device != plain.Device || string(got.PublicKey) != string(key) {
		t.Errorf("a reader without dates reads %+v, error %v", got, err)
	}
	if got := ReadStamp(plain.Append(nil)); got != (Stamp{}) {
		t.Errorf("undated announcement has stamp %+v", got)
	}
	text := msgpack.AppendMap(nil, 2)
	text = msgpack.AppendInt(text, 7)
	text = msgpack.AppendInt(text, 7)
	text = msgpack.AppendString(text, keyDate)
	text = msgpack.AppendString(text, "today")
	if got := ReadStamp(text); got != (Stamp{}) {
		t.Errorf("date that is no integer is %+v", got)
	}
}

func FuzzReadStamp(f *testing.F) {
	key := []byte("key")
	f.Add(AppendDated(nil, value.DeviceAnnouncement{Device: infohash.Sum(key), PublicKey: key}, Stamp{time.UnixMilli(1), true}))
	f.Add(value.DeviceAnnouncement{Device: infohash.Sum(key)}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s := ReadStamp(b); s.Date.IsZero() && s.Lasting || !s.Date.IsZero() && s.Date.UnixMilli() <= 0 {
			t.Fatalf("stamp %+v", s)
		}
	})
}
