package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rollcall/nat/portmap"
	"rollcall/nat/relay"
)

func TestCheckMapping(t *testing.T) {
	router := netip.MustParseAddr("192.168.1.1")
	seen := []netip.Addr{netip.MustParseAddr("203.0.113.5")}
	tests := []struct {
		name   string
		report portmap.Report
		err    error
		state  string
		found  string
	}{
		{"no router", portmap.Report{}, portmap.ErrNoRouter, "warning", "no router"},
		{"no address", portmap.Report{Protocol: "UPnP", Router: router}, portmap.ErrAddress, "warning", "behind another NAT"},
		{"refuses", portmap.Report{Protocol: "UPnP", Router: router}, errors.New("606"), "warning", "maps no port: 606"},
		{"behind another", portmap.Report{Protocol: "UPnP", Router: router, Public: netip.MustParseAddrPort("100.64.0.1:5000")}, nil, "warning", "behind another NAT"},
		{"maps", portmap.Report{Protocol: "NAT-PMP", Router: router, Public: netip.MustParseAddrPort("203.0.113.5:5000")}, nil, "ok", "to 203.0.113.5 by NAT-PMP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := checkMapping(tt.report, tt.err, seen)
			if f.State != tt.state || !strings.Contains(f.Found, tt.found) || (f.Advice == "") != (f.State == "ok") {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestCheckNATWithout(t *testing.T) {
	if found := checkNAT(t.Context(), []netip.Addr{netip.MustParseAddr("127.0.0.1")}); len(found) != 0 {
		t.Errorf("on loopback: %+v", found)
	}
}

func TestCheckRelaySilent(t *testing.T) {
	server := relay.Server{Addr: "turn.example", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if f := checkRelay(ctx, "0123456789abcdef", server); f.State != "fault" || f.code != codeNoAnswer || f.Advice == "" {
		t.Errorf("%+v", f)
	}
}
