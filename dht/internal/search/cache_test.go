package search

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/dht/value"
)

const testLife = 10 * time.Minute

// cacheLog records what a cache reports, as "+id:data" and "-id:data".
type cacheLog struct {
	cache *Cache
	due   time.Time
	lines []string
}

func newCacheLog() *cacheLog {
	l := &cacheLog{}
	note := func(sign string) func(time.Time, []byte) {
		return func(_ time.Time, packed []byte) {
			v, err := value.Parse(packed)
			if err != nil {
				panic(err)
			}
			l.lines = append(l.lines, fmt.Sprintf("%s%d:%s", sign, v.ID, v.Data))
		}
	}
	l.cache = NewCache(func(value.TypeID) time.Duration { return testLife }, CacheSink{
		Added: note("+"), Expired: note("-"), Due: func(at time.Time) { l.due = at },
	})
	return l
}

func (l *cacheLog) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(l.lines, want) {
		t.Fatalf("reported %q, want %q", l.lines, want)
	}
	l.lines = nil
}

func packed(id uint64, data string) []byte {
	return (&value.Value{ID: id, Data: []byte(data)}).Append(nil)
}

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestAValueIsNewOnceAndExpiresWithItsLastSource(t *testing.T) {
	l := newCacheLog()
	for source := uint32(1); source <= 3; source++ {
		l.cache.Add(t0, source, packed(7, "a"))
	}
	l.expect(t, "+7:a")
	if len(l.cache.Expire(t0, 1, []uint64{7})) == 0 {
		t.Error("two sources still vouch for the value: want doubt")
	}
	l.cache.Expire(t0, 2, []uint64{7})
	l.expect(t)
	if len(l.cache.Expire(t0, 3, []uint64{7})) > 0 {
		t.Error("doubt about a value that nobody vouches for")
	}
	l.expect(t, "-7:a")
	if l.cache.count != 0 || l.cache.bytes != 0 || len(l.cache.sources) != 0 {
		t.Errorf("left behind: %d values, %d bytes, %d sources", l.cache.count, l.cache.bytes, len(l.cache.sources))
	}
}

func TestReportsEndByTheClock(t *testing.T) {
	l := newCacheLog()
	l.cache.Add(t0, 1, packed(7, "a"))
	l.cache.Add(t0.Add(time.Minute), 2, packed(7, "a"))
	l.cache.Refresh(t0.Add(2*time.Minute), 1, []uint64{7})
	l.cache.Tick(t0.Add(time.Minute + testLife))
	l.lines = l.lines[1:]
	l.expect(t)
	if want := t0.Add(2*time.Minute + testLife); !l.due.Equal(want) {
		t.Errorf("due at %v, want %v", l.due, want)
	}
	l.cache.Tick(l.due)
	l.expect(t, "-7:a")
	if !l.due.IsZero() {
		t.Errorf("an empty cache is due at %v", l.due)
	}
}

func TestAnEditReplacesWhatItsSourceReported(t *testing.T) {
	l := newCacheLog()
	l.cache.Add(t0, 1, packed(7, "old"))
	l.cache.Add(t0, 2, packed(7, "old"))
	l.cache.Add(t0, 1, packed(7, "new"))
	l.expect(t, "+7:old", "+7:new")
	l.cache.Add(t0, 2, packed(7, "new"))
	l.expect(t, "-7:old")
}

func TestASilentSourceCountsLessInDoubt(t *testing.T) {
	l := newCacheLog()
	l.cache.Add(t0, 1, packed(7, "a"))
	l.cache.Add(t0, 2, packed(7, "a"))
	l.cache.Add(t0, 2, packed(8, "b"))
	l.cache.Forsake(t0, 2)
	l.expect(t, "+7:a", "+8:b")
	l.cache.Expire(t0, 1, []uint64{7})
	l.cache.Forsake(t0, 2)
	l.expect(t, "-7:a")
	l.cache.Drop(t0, 2)
	l.expect(t, "-8:b")
}

func TestTheCacheIsBounded(t *testing.T) {
	l := newCacheLog()
	for i := range uint64(maxSourceValues + 10) {
		l.cache.Add(t0, 1, packed(i+1, "x"))
	}
	if l.cache.count != maxSourceValues {
		t.Errorf("one source filled in %d values, want %d", l.cache.count, maxSourceValues)
	}
	big := string(make([]byte, 60000))
	for source := range uint32(10) {
		for i := range uint64(100) {
			l.cache.Add(t0, source+2, packed(1<<20+uint64(source)<<10+i, big))
		}
	}
	if l.cache.bytes > maxCachedBytes {
		t.Errorf("%d bytes, over the bound of %d", l.cache.bytes, maxCachedBytes)
	}
}
