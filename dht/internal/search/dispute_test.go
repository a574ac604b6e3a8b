package search

import "testing"

// disputed returns a cache with a value that so many sources vouch for and so many
// have denied.
func disputed(t *testing.T, vouch, deny uint32) *cacheLog {
	l := newCacheLog()
	for source := uint32(1); source <= vouch+deny; source++ {
		l.cache.Add(t0, source, packed(7, "a"))
	}
	for source := vouch + 1; source <= vouch+deny; source++ {
		l.cache.Expire(t0, source, []uint64{7})
	}
	l.expect(t, "+7:a")
	return l
}

func TestTheMajorityDecides(t *testing.T) {
	for _, tt := range []struct {
		vouch, deny uint32
		contested   bool
		has, lacks  int // of the other nodes
		ends        bool
	}{
		{vouch: 3, deny: 1},
		{vouch: 1, deny: 3, contested: true, lacks: 4, ends: true},
		{vouch: 2, deny: 2, contested: true, lacks: 4, ends: true},
		{vouch: 2, deny: 2, contested: true},
		{vouch: 1, deny: 1, contested: true, lacks: 1, ends: true},
		{vouch: 1, deny: 3, contested: true, has: 4},
		{vouch: 2, deny: 2, contested: true, has: 2, lacks: 2},
	} {
		l := disputed(t, tt.vouch, tt.deny)
		if got := l.cache.contested(7); got != tt.contested {
			t.Errorf("%+v: contested is %v", tt, got)
		}
		l.cache.overrule(t0, 7, tt.has, tt.lacks)
		if ended := len(l.lines) > 0; ended != tt.ends {
			t.Errorf("%+v: ended is %v", tt, ended)
		}
	}
}

func TestAnOverruledValueComesBackByMajority(t *testing.T) {
	l := disputed(t, 1, 3)
	l.cache.overrule(t0, 7, 0, 4)
	l.expect(t, "-7:a")
	// The one that is wrong repeats itself, also under a new socket.
	l.cache.Refresh(t0, 1, []uint64{7})
	l.cache.Add(t0, 5, packed(7, "a"))
	l.cache.Drop(t0, 1)
	l.expect(t)
	// The value is put again.
	l.cache.Add(t0, 2, packed(7, "a"))
	l.expect(t)
	l.cache.Add(t0, 3, packed(7, "a"))
	l.expect(t, "+7:a")
	for _, source := range []uint32{2, 3, 5} {
		l.cache.Expire(t0, source, []uint64{7})
	}
	l.expect(t, "-7:a")
}

func TestAnOverruledValueEndsSilently(t *testing.T) {
	l := disputed(t, 1, 3)
	l.cache.overrule(t0, 7, 0, 0)
	l.expect(t, "-7:a")
	l.cache.Tick(t0.Add(testLife))
	l.expect(t)
	l.cache.Add(t0.Add(testLife), 9, packed(7, "a"))
	l.expect(t, "+7:a")
}

func TestTheDenialOfAForgottenSourceDoesNotCount(t *testing.T) {
	l := disputed(t, 1, 3)
	for source := uint32(2); source <= 4; source++ {
		l.cache.Drop(t0, source)
	}
	if l.cache.contested(7) {
		t.Error("still contested")
	}
	l.cache.overrule(t0, 7, 0, 0)
	l.expect(t)
}
