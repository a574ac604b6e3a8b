package main

import (
	"testing"
	"time"

	"rollcall/api/http/schema"
)

func TestAttendance(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	account := schema.Account{ID: "8a3f1c0d5e7b2946", DisplayName: "alice"}
	a := attendanceOf(account, nil)
	if got, want := a.text(start), "account 8a3f1c0d5e7b2946: alice: contacts: 0 connected, 0 on the DHT, 0 away"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	a = attendanceOf(account, []schema.Presence{
		{Contact: true, Status: "connected", LastSeen: start},
		{Contact: true, Status: "online", LastSeen: start},
		{Contact: true, Status: "online"},
		{Contact: true, Status: "offline", LastSeen: start.Add(-time.Hour)},
		{Contact: true, Status: "offline", LastSeen: start.Add(-time.Minute)},
		{Contact: true, Status: "offline"},
		{Status: "online", LastSeen: start},
		{Status: "offline", LastSeen: start},
	})
	want := "account 8a3f1c0d5e7b2946: alice: contacts: 1 connected, 2 on the DHT, 3 away, last seen 1 min ago"
	if got := a.text(start); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
