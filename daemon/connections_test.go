package daemon

import (
	"net/netip"
	"testing"
)

func TestWaysOf(t *testing.T) {
	s := waysOf(Details{})
	if !s.Mapping || s.Relay.Addr != "" || s.Public.IsValid() {
		t.Errorf("defaults: %+v", s)
	}
	set := Details{
		keyUPnP: "false", keyPublicSame: "false", keyPublic: "203.0.113.1",
		keyRelayServer: "turn.example:5000", keyRelayUsername: "user", keyRelayPassword: "password", keyRelayRealm: "realm",
	}
	s = waysOf(set)
	if s.Mapping || s.Public != netip.MustParseAddr("203.0.113.1") || s.Relay.Addr != "turn.example:5000" ||
		s.Relay.Username != "user" || s.Relay.Password != "password" || s.Relay.Realm != "realm" {
		t.Errorf("set: %+v", s)
	}
	set[keyRelay], set[keyPublic] = "false", "somewhere"
	if s = waysOf(set); s.Relay.Addr != "" || s.Public.IsValid() {
		t.Errorf("turned off: %+v", s)
	}
}
