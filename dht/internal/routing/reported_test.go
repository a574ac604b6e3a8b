package routing

import (
	"net/netip"
	"slices"
	"testing"
)

func TestReportedOrder(t *testing.T) {
	var r Reported
	a, b, c := netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("2.2.2.2"), netip.MustParseAddr("3.3.3.3")
	for _, addr := range []netip.Addr{a, b, c, c, b, c} {
		r.Add(addr)
	}
	if got, want := r.Addrs(nil), []netip.Addr{c, b, a}; !slices.Equal(got, want) {
		t.Errorf("Addrs = %v, want %v", got, want)
	}
	r.Reset()
	if got := r.Addrs(nil); len(got) != 0 {
		t.Errorf("after Reset, Addrs = %v", got)
	}
}

func TestReportedIsBounded(t *testing.T) {
	var r Reported
	own := netip.MustParseAddr("1.1.1.1")
	r.Add(own)
	r.Add(own)
	for i := range 1000 {
		r.Add(publicAddr(i).Addr())
	}
	got := r.Addrs(nil)
	if len(got) != maxReported {
		t.Errorf("kept %d addresses, want %d", len(got), maxReported)
	}
	if got[0] != own {
		t.Errorf("the most reported address is %v, want %v", got[0], own)
	}
	last := publicAddr(999).Addr()
	if got[maxReported-1] != last {
		t.Errorf("the last place has %v, want the newest %v", got[maxReported-1], last)
	}
}
