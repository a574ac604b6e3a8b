package agent

import (
	"net/netip"
	"testing"

	"rollcall/ice/signaling"
)

func TestPair(t *testing.T) {
	const (
		host, reflexive, learnt, relay = signaling.Host, signaling.ServerReflexive, signaling.PeerReflexive, signaling.Relayed
	)
	at := netip.MustParseAddrPort
	ours, public := at("192.168.1.2:4000"), at("198.51.100.1:5000")
	theirs := []signaling.Candidate{
		{Addr: at("192.168.1.3:4000"), Type: host, TCPType: passive},
		{Addr: at("10.0.0.3:9"), Type: host, TCPType: active},
		{Addr: at("203.0.113.7:9"), Type: reflexive, TCPType: active},
		{Addr: at("203.0.113.99:9"), Type: host, TCPType: active},
	}
	tests := []struct {
		name         string
		link         *link
		mapped       bool
		ours, theirs signaling.Type
	}{
		{"none", nil, false, host, host},
		{"opened", &link{dialed: true, theirType: host}, false, host, host},
		{"opened to a relay", &link{dialed: true, theirType: relay, relayed: true}, false, host, relay},
		{"opened from behind a NAT", &link{dialed: true, theirType: reflexive, seenAs: learnt}, false, learnt, reflexive},
		{"accepted from the same network", &link{local: ours, addr: at("192.168.1.3:50000")}, true, host, host},
		{"accepted by the router", &link{local: ours, addr: at("203.0.113.7:50000")}, true, reflexive, reflexive},
		{"accepted by the router from a public host", &link{local: ours, addr: at("203.0.113.99:50000")}, true, reflexive, host},
		{"accepted by the router from an address not told of", &link{local: ours, addr: at("203.0.113.8:50000")}, true, reflexive, learnt},
		{"accepted at a public address", &link{local: ours, addr: at("203.0.113.7:50000")}, false, host, reflexive},
		{"accepted at a relay", &link{local: public, addr: at("203.0.113.7:50000"), relayed: true}, true, relay, reflexive},
	}
	for _, tt := range tests {
		a := &Agent{selected: tt.link, remote: signaling.Description{Candidates: theirs}}
		a.local.Candidates = []signaling.Candidate{{Addr: ours, Type: host, TCPType: passive}}
		if tt.mapped {
			a.local.Candidates = append(a.local.Candidates, signaling.Candidate{Addr: public, Type: reflexive, TCPType: passive})
		}
		if gotOurs, gotTheirs := a.Pair(); gotOurs != tt.ours || gotTheirs != tt.theirs {
			t.Errorf("%s: %v-%v, want %v-%v", tt.name, gotOurs, gotTheirs, tt.ours, tt.theirs)
		}
	}
}
