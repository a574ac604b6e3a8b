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
	dated := AppendDated(nil, plain, date)
	if got := Date(dated); !got.Equal(date) {
		t.Errorf("date %s, want %s", got, date)
	}
	if got, err := value.ParseDeviceAnnouncement(dated); err != nil || got.Device != plain.Device || string(got.PublicKey) != string(key) {
		t.Errorf("a reader without dates reads %+v, error %v", got, err)
	}
	if got := Date(plain.Append(nil)); !got.IsZero() {
		t.Errorf("undated announcement has date %s", got)
	}
	text := msgpack.AppendMap(nil, 2)
	text = msgpack.AppendInt(text, 7)
	text = msgpack.AppendInt(text, 7)
	text = msgpack.AppendString(text, keyDate)
	text = msgpack.AppendString(text, "today")
	if got := Date(text); !got.IsZero() {
		t.Errorf("date that is no integer is %s", got)
	}
}

func FuzzDate(f *testing.F) {
	key := []byte("key")
	f.Add(AppendDated(nil, value.DeviceAnnouncement{Device: infohash.Sum(key), PublicKey: key}, time.UnixMilli(1)))
	f.Add(value.DeviceAnnouncement{Device: infohash.Sum(key)}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if date := Date(b); !date.IsZero() && date.UnixMilli() <= 0 {
			t.Fatalf("date %s", date)
		}
	})
}
