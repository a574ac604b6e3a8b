package wire

import (
	"bytes"
	"errors"
	"testing"
)

func TestDiscoveryOfPeers(t *testing.T) {
	seen := 0
	for _, p := range readPackets(t) {
		if !p.discovery() {
			continue
		}
		seen++
		in := p.bytes(t)
		a, found, query, err := ParseDiscovery(in)
		if err != nil {
			t.Fatal(err)
		}
		out := AppendDiscoveryQuery(nil)
		if p.Kind == "discovery announce" {
			if !found || query || a.Port != 4222 || a.Network != 0 {
				t.Errorf("%+v, found %v, query %v", a, found, query)
			}
			out = a.Append(nil)
		} else if found || !query {
			t.Errorf("found %v, query %v", found, query)
		}
		if !bytes.Equal(out, in) {
			t.Errorf("\n got %x\nwant %x", out, in)
		}
	}
	if seen != 4 {
		t.Errorf("%d packets, want 4", seen)
	}
}

func TestDiscoveryForms(t *testing.T) {
	tests := []struct {
		name  string
		in    object
		found bool
		valid bool
	}{
		{"other services", dict{"peer", 1, 5, 6}, false, true},
		{"beside other services", dict{"peer", "x", "dht", []any{testID, 4222, 7}}, true, true},
		{"more elements", dict{"dht", []any{testID, 4222, 7, "x", 8}, "peer", 1}, true, true},
		{"fewer elements", dict{"dht", []any{testID, 4222}, "x", 1}, false, false},
		{"no array", dict{"dht", 5}, false, false},
		{"a short id", dict{"dht", []any{[]byte("x"), 4222, 7}}, false, false},
		{"a large port", dict{"dht", []any{testID, 65536, 7}}, false, false},
		{"another query", "x", false, false},
		{"no map", []any{}, false, false},
		{"nothing", packed{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, found, query, err := ParseDiscovery(pack(tt.in))
			if found != tt.found || query || (err == nil) != tt.valid || err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("found %v, query %v, error %v", found, query, err)
			}
			if found && a != (Announce{testID, 4222, 7}) {
				t.Errorf("announce %+v", a)
			}
		})
	}
}

func FuzzParseDiscovery(f *testing.F) {
	for _, p := range readPackets(f) {
		if p.discovery() {
			f.Add(p.bytes(f))
		}
	}
	f.Add(pack(dict{"peer", 1, "dht", []any{testID, 4222, 7, 8}}))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, found, query, err := ParseDiscovery(in)
		if found && query || (found || query) && err != nil {
			t.Fatalf("found %v, query %v, error %v", found, query, err)
		}
		if !found {
			return
		}
		if again, found, _, err := ParseDiscovery(a.Append(nil)); !found || again != a {
			t.Fatalf("%+v became %+v, error %v", a, again, err)
		}
	})
}
