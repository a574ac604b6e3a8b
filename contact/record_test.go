package contact

import (
	"testing"

	"pgregory.net/rapid"
)

func TestMerge(t *testing.T) {
	tests := []struct {
		name    string
		own, in Record
		want    Record
	}{
		{"unknown", Record{}, Record{Added: 5001}, Record{Added: 5001}},
		{"nothing", Record{Added: 5001}, Record{}, Record{Added: 5001}},
		{"later removal", Record{Added: 5001, Confirmed: true}, Record{Added: 5001, Removed: 6001}, Record{Added: 5001, Removed: 6001}},
		{"later adding", Record{Added: 5001, Removed: 6001, Banned: true}, Record{Added: 7001}, Record{Added: 7001}},
		{"earlier adding", Record{Added: 5001, Removed: 6001}, Record{Added: 5501, Confirmed: true}, Record{Added: 5001, Removed: 6001}},
		{"confirmed elsewhere", Record{Added: 5001}, Record{Added: 5001, Confirmed: true}, Record{Added: 5001, Confirmed: true}},
		{"confirmed in an earlier life", Record{Added: 8001}, Record{Added: 5001, Confirmed: true}, Record{Added: 8001}},
		{"same time, ban wins", Record{Added: 5001}, Record{Added: 1, Removed: 5001, Banned: true}, Record{Added: 1, Removed: 5001, Banned: true}},
		{"same time, removal wins", Record{Added: 5001}, Record{Removed: 5001}, Record{Removed: 5001}},
		{"seconds only, same second", Record{Added: 5900}, Record{Added: 5000, Confirmed: true}, Record{Added: 5900, Confirmed: true}},
		{"seconds only, removal in that second", Record{Added: 5900}, Record{Added: 2000, Removed: 5000}, Record{Added: 2000, Removed: 5900}},
		{"seconds only, later", Record{Added: 5900}, Record{Added: 2000, Removed: 6000}, Record{Added: 2000, Removed: 6000}},
		{"conversation filled in", Record{Added: 5001}, Record{Added: 5001, ConversationID: "aa"}, Record{Added: 5001, ConversationID: "aa"}},
		{"conversation moved", Record{Added: 5002, ConversationID: "aa"}, Record{Added: 5001, ConversationID: "bb"}, Record{Added: 5002, ConversationID: "aa"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := merge(tt.own, tt.in); got != tt.want {
				t.Errorf("merge(own, in) = %+v, want %+v", got, tt.want)
			}
			if got := merge(tt.in, tt.own); got != tt.want {
				t.Errorf("merge(in, own) = %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Merging goes one way: that is why devices that exchange records converge.
func TestMergeIsMonotone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := anyRecord(rt), anyRecord(rt)
		m := merge(a, b)
		if m != merge(b, a) {
			rt.Fatalf("merge depends on the order: %+v, %+v", m, merge(b, a))
		}
		if m != merge(m, a) || m != merge(m, b) || m != merge(m, m) {
			rt.Fatalf("merge of %+v and %+v goes on after %+v", a, b, m)
		}
		for _, r := range []Record{a, b} {
			if m.stamp() < r.stamp() || m.stamp() == r.stamp() && m.rank() < r.rank() {
				rt.Fatalf("merge of %+v and %+v goes back to %+v", a, b, m)
			}
		}
		if m != m.normal() {
			rt.Fatalf("%+v has what its state does not", m)
		}
	})
}

func TestAfterIsLaterBySeconds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := anyRecord(rt)
		now := rapid.Int64Range(1, 10000).Draw(rt, "now")
		next := r.after(now)
		if next < now || r.stamp() != 0 && next/msPerSecond <= r.stamp()/msPerSecond {
			rt.Fatalf("change of %+v at %d is stamped %d", r, now, next)
		}
	})
}
