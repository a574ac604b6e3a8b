package storage

import (
	"encoding/binary"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// numbered returns the i-th of many keys.
func numbered(i int) infohash.Hash {
	return infohash.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

// fill stores n values of 64 bytes under as many keys.
func fill(t testing.TB, s *Store, n int) {
	data := make([]byte, 64)
	for i := range n {
		v := value.Value{ID: 1<<63 | uint64(i), Data: data}
		if got := s.Commit(start.Add(time.Duration(i)), Put{Key: numbered(i), Value: &v, From: alice}); got != Accepted {
			t.Fatal(got)
		}
	}
}

func fillListeners(t testing.TB, s *Store, n int) {
	for i := range n {
		if err := s.Listen(start, Listen{Key: numbered(i), Node: numbered(-i), Addr: alice, SID: uint32(i), Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
}

// memory returns the bytes of live objects, and those that the process occupies.
func memory(t testing.TB) (live, resident int) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return int(m.HeapAlloc), 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			resident = kB << 10
		}
	}
	return int(m.HeapAlloc), resident
}

// TestMemory measures what values and listeners take.
func TestMemory(t *testing.T) {
	tests := []struct {
		name string
		n    int
		fill func(t testing.TB, s *Store, n int)
		most int
	}{
		{"values of 64 bytes", 100_000, fill, 225},
		{"listeners", 10_000, fillListeners, 200},
	}
	for _, tt := range tests {
		s := newStore()
		before, residentBefore := memory(t)
		tt.fill(t, s, tt.n)
		after, residentAfter := memory(t)
		each := (after - before) / tt.n
		t.Logf("%s: %d bytes each, %d of resident memory", tt.name, each, (residentAfter-residentBefore)/tt.n)
		if each > tt.most {
			t.Errorf("%s: %d bytes each, want at most %d", tt.name, each, tt.most)
		}
		runtime.KeepAlive(s)
	}
}

// TestAllocations holds the paths of requests to no allocation at all.
func TestAllocations(t *testing.T) {
	s := newStore()
	fill(t, s, 1000)
	now := start.Add(time.Second)
	data := make([]byte, 64)
	query := value.Query{Where: []value.Condition{value.WhereType(0)}}
	packed := query.Append(nil)
	listen := Listen{Key: numbered(1), Node: key, Addr: bob, SID: 1, Version: 1, Query: packed}
	if err := s.Listen(now, listen); err != nil {
		t.Fatal(err)
	}
	drainPushes(s)
	again := value.Value{ID: 1<<63 | 5, Data: data}
	heard := value.Value{ID: 1<<63 | 1, Data: data}
	key1, key5, key7 := numbered(1), numbered(5), numbered(7)
	got := 0
	each := func(Item) bool { got++; return true }
	var fields []byte
	for name, f := range map[string]func(){
		"get":         func() { s.Each(now, key7, nil, func(Item) bool { got++; return true }) },
		"get, miss":   func() { s.Each(now, key, nil, each) },
		"get, query":  func() { s.Each(now, key7, &query, each) },
		"get, fields": func() { fields = s.AppendFields(fields[:0], now, key7, &value.Query{Select: probe}) },
		"refresh":     func() { s.Refresh(now, key7, 1<<63|7) },
		"put again": func() {
			p := Put{Key: key5, Value: &again, From: alice}
			if s.Classify(now, p) != Repeated || s.Commit(now, p) != Repeated {
				t.Fatal("not repeated")
			}
		},
		"listen again": func() {
			if err := s.Listen(now, listen); err != nil {
				t.Fatal(err)
			}
		},
		"push": func() {
			s.Commit(now, Put{Key: key1, Value: &heard, From: alice})
			for p := range s.Pushes() {
				got += len(p.Refreshed)
			}
		},
		"nothing to push": func() {
			for range s.Pushes() {
				t.Fatal("something to push")
			}
		},
		"deadline": func() { s.Tick(now); s.NextDeadline() },
	} {
		if n := testing.AllocsPerRun(100, func() { now = now.Add(time.Millisecond); f() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

var probe = []value.Field{value.FieldID, value.FieldSeq}

func BenchmarkInsert(b *testing.B) {
	s := New(Config{Bytes: 1 << 30}, new(value.Types))
	v := value.Value{ID: 1, Data: make([]byte, 64)}
	now := start
	keys := make([]infohash.Hash, 1<<16)
	for i := range keys {
		keys[i] = numbered(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Microsecond)
		v.ID = uint64(i) + 1
		p := Put{Key: keys[i%len(keys)], Value: &v, From: alice}
		if s.Classify(now, p) == Accepted {
			s.Commit(now, p)
		}
	}
}

// BenchmarkInsertFull stores into a full store, which evicts with each value.
func BenchmarkInsertFull(b *testing.B) {
	s := New(Config{Bytes: 32 << 20}, new(value.Types))
	v := value.Value{ID: 1, Data: make([]byte, 64)}
	now := start
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Microsecond)
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 4), 0, 1}), 1)
		s.Commit(now, Put{Key: numbered(i), Value: &v, From: from})
	}
}

func BenchmarkRefresh(b *testing.B) {
	s := newStore()
	fill(b, s, 100_000)
	now := start
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Microsecond)
		s.Refresh(now, numbered(i%100_000), 1<<63|uint64(i%100_000))
	}
}

func BenchmarkGet(b *testing.B) {
	s := newStore()
	fill(b, s, 100_000)
	keys := make([]infohash.Hash, 1024)
	for i := range keys {
		keys[i] = numbered(i * 97)
	}
	n := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Each(start, keys[i%len(keys)], nil, func(x Item) bool { n += len(x.Packed); return true })
	}
}

func BenchmarkGetMiss(b *testing.B) {
	s := newStore()
	fill(b, s, 100_000)
	n := 0
	for b.Loop() {
		s.Each(start, key, nil, func(x Item) bool { n += len(x.Packed); return true })
	}
}

func BenchmarkListenAgain(b *testing.B) {
	s := newStore()
	fillListeners(b, s, 10_000)
	listens := make([]Listen, 10_000)
	for i := range listens {
		listens[i] = Listen{Key: numbered(i), Node: numbered(-i), Addr: alice, SID: uint32(i), Version: 1}
	}
	now := start
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Microsecond)
		if err := s.Listen(now, listens[i%len(listens)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExpire ends the lives of 100,000 values.
func BenchmarkExpire(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s := newStore()
		fill(b, s, 100_000)
		b.StartTimer()
		for now := start.Add(time.Hour); !s.NextDeadline().IsZero(); {
			s.Tick(now)
		}
	}
}

// BenchmarkPush spreads a value to 500 listeners of its key.
func BenchmarkPush(b *testing.B) {
	s := newStore()
	for i := range 500 {
		if err := s.Listen(start, Listen{Key: key, Node: numbered(i), Addr: alice, SID: 1, Version: 1}); err != nil {
			b.Fatal(err)
		}
	}
	v := value.Value{Data: make([]byte, 64)}
	n := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		v.ID = uint64(i%1000) + 1
		s.Commit(start, Put{Key: key, Value: &v, From: alice})
		for p := range s.Pushes() {
			n += len(p.Values)
		}
	}
}
