package storage

import (
	"testing"
	"time"

	"rollcall/dht/value"
)

// TestLeaseIsNotExtendedByRepeats puts the same value with the same creation
// time again, as a sender does that has missed the acknowledgement.
func TestLeaseIsNotExtendedByRepeats(t *testing.T) {
	s := newStore()
	p := Put{Key: key, Value: plain(1, "x"), Created: start.Add(-9 * time.Minute), From: alice}
	put(t, s, start, p)
	later := start.Add(30 * time.Second)
	if got := s.Commit(later, p); got != Repeated {
		t.Fatal(got)
	}
	p.Created = p.Created.Add(-time.Second)
	if got := s.Commit(later, p); got != Repeated {
		t.Fatal(got)
	}
	if x, _ := item(s, later, key, 1); !x.Expires().Equal(start.Add(time.Minute)) {
		t.Errorf("expires %v after its end", x.Expires().Sub(start.Add(time.Minute)))
	}
}

func TestRefresh(t *testing.T) {
	s := newStore()
	if s.Refresh(start, key, 1) {
		t.Error("refreshed where nothing is stored")
	}
	s.Watch(start, key, value.Query{})
	if s.Refresh(start, key, 1) {
		t.Error("refreshed where only a listener is")
	}
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), Created: start.Add(-5 * time.Minute), From: alice})
	later := start.Add(time.Minute)
	if !s.Refresh(later, key, 1) || !s.Refresh(later, key, 2) {
		t.Error("refused where something is stored")
	}
	x, _ := item(s, later, key, 1)
	if !x.Created().Equal(later) || !x.Expires().Equal(later.Add(10*time.Minute)) {
		t.Errorf("created %v, expires %v", x.Created(), x.Expires())
	}
	check(t, s)
}

func TestOwnValues(t *testing.T) {
	s := newStore()
	put(t, s, start, Put{Key: key, Value: plain(1, "lasting"), Own: true, Permanent: true})
	put(t, s, start, Put{Key: key, Value: plain(2, "passing"), Own: true})
	put(t, s, start, Put{Key: key, Value: plain(3, "taken over"), From: alice})
	put(t, s, start, Put{Key: key, Value: signed(4, 1, 0, "signed"), Own: true, Permanent: true})
	if got := s.Commit(start, Put{Key: key, Value: plain(3, "taken over"), Own: true, Permanent: true}); got != Repeated {
		t.Errorf("own put of what another has put: %v", got)
	}
	if got := s.Stats().Bytes; got != 0 {
		t.Errorf("own values take %d bytes of what others may", got)
	}
	s.Refresh(start.Add(time.Minute), key, 1)
	later := start.Add(365 * 24 * time.Hour)
	for !s.NextDeadline().IsZero() {
		s.Tick(later)
	}
	var ids []uint64
	for _, v := range get(t, s, later, key, nil) {
		ids = append(ids, v.ID)
	}
	if len(ids) != 3 || ids[0] != 1 || ids[1] != 3 || ids[2] != 4 {
		t.Errorf("after a year: %v", ids)
	}
	if x, _ := item(s, later, key, 3); !x.Own() || x.From().IsValid() || !x.Expires().IsZero() || !x.Created().IsZero() {
		t.Error("not an own permanent value")
	}
	if !s.Remove(later, key, 1) || s.Remove(later, key, 1) {
		t.Error("removed once and only once: no")
	}
	// An edit by the same owner, from elsewhere, is another's value.
	put(t, s, later, Put{Key: key, Value: signed(4, 1, 1, "edited"), From: bob})
	if x, _ := item(s, later, key, 4); x.Own() || x.From() != bob.Addr() {
		t.Error("an edit from elsewhere counts as own")
	}
	check(t, s)
}

func TestExpiresToTheInstant(t *testing.T) {
	s := newStore()
	s.Watch(start, key, value.Query{})
	lease := 1234567891 * time.Nanosecond
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), Created: start.Add(lease - 10*time.Minute), From: alice})
	drainPushes(s)
	end := start.Add(lease)
	if !s.NextDeadline().Equal(end) {
		t.Fatalf("deadline %v, want %v", s.NextDeadline(), end)
	}
	s.Tick(end.Add(-1))
	if len(get(t, s, end.Add(-1), key, nil)) != 1 || len(drainPushes(s)) != 0 {
		t.Error("expired too early")
	}
	if len(get(t, s, end, key, nil)) != 0 {
		t.Error("answered with after its end")
	}
	s.Tick(end)
	if got := drainPushes(s); len(got) != 1 || len(got[0].Expired) != 1 || got[0].Expired[0] != 1 {
		t.Errorf("pushes at the end: %v", got)
	}
	if got := s.Stats(); got.Keys != 1 || got.Values != 0 {
		t.Errorf("%+v", got)
	}
}

func TestTickIsBounded(t *testing.T) {
	s := newStore()
	const n = 3*expiriesPerTick + 1
	for i := range uint64(n) {
		put(t, s, start, Put{Key: key, Value: plain(i+1, "x"), From: alice})
	}
	end := start.Add(10 * time.Minute)
	ticks := 0
	for ; !s.NextDeadline().IsZero(); ticks++ {
		s.Tick(end)
	}
	if ticks != 4 || s.Stats().Expired != n {
		t.Errorf("%d ticks, %+v", ticks, s.Stats())
	}
	if got := s.Stats(); got.Keys != 0 || got.Bytes != 0 {
		t.Errorf("left over: %+v", got)
	}
}

func TestLivesGoOnInSleep(t *testing.T) {
	s := newStore()
	put(t, s, start, Put{Key: key, Value: plain(1, "x"), From: alice})
	put(t, s, start, Put{Key: key, Value: plain(2, "x"), Own: true, Permanent: true})
	s.Slept(4 * time.Minute)
	if want := start.Add(6 * time.Minute); !s.NextDeadline().Equal(want) {
		t.Errorf("the next end is at %v, want %v", s.NextDeadline(), want)
	}
	s.Tick(start.Add(6 * time.Minute))
	if got := get(t, s, start.Add(6*time.Minute), key, nil); len(got) != 1 || got[0].ID != 2 {
		t.Errorf("stored %v", got)
	}
	check(t, s)
}
