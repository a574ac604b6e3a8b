package peer

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity"
)

// otherwise returns alice's device with a certificate of a new account.
func otherwise(t testing.TB) (*identity.Account, *identity.Device) {
	t.Helper()
	account, _, err := identity.Generate(t.Context(), identity.Config{Bits: testBits}, born, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	device, err := account.IssueDevice(people()[0].Key, born, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return account, device
}

// TestIdentify takes the device that is expected, with the chain to its account,
// and nothing else.
func TestIdentify(t *testing.T) {
	alice, bob := people()[0], people()[1]
	other, alias := otherwise(t)
	if err := other.Revoke(alias.Chain().Leaf(), born, rand.Reader); err != nil {
		t.Fatal(err)
	}
	at := born.Add(time.Hour)
	p := &Peers{cfg: Config{Verify: func(chain identity.Chain) (infohash.Hash, error) {
		return chain.Verify(at, other.RevocationList())
	}}}
	want := expected{alice.LongID(), alice.Account()}
	tests := []struct {
		name  string
		shown [][]byte
		want  expected
		ok    bool
	}{
		{"the device", alice.Chain().DER(), want, true},
		{"without the authority", alice.Chain().DER()[:2], want, true},
		{"without the account", alice.Chain().DER()[:1], want, false},
		{"nothing", nil, want, false},
		{"another device", bob.Chain().DER(), want, false},
		{"of another account", alice.Chain().DER(), expected{alice.LongID(), bob.Account()}, false},
		{"with another's account", [][]byte{alice.Chain().DER()[0], bob.Chain().DER()[1]}, want, false},
		{"revoked", alias.Chain().DER(), expected{alice.LongID(), alias.Account()}, false},
		{"the account itself", alice.Chain().DER()[1:], expected{alice.Chain().Account().LongID(), alice.Account()}, false},
		{"no certificates", [][]byte{[]byte("device"), []byte("account")}, want, false},
		{"too many", append(alice.Chain().DER(), bob.Chain().DER()...), want, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chain, err := p.identify(tt.shown, tt.want)
			if ok := err == nil; ok != tt.ok {
				t.Fatalf("error: %v", err)
			}
			if tt.ok && chain.Leaf().LongID() != tt.want.device {
				t.Error("another chain")
			}
			if !tt.ok && !errors.Is(err, errUntrusted) {
				t.Errorf("not %v: %v", errUntrusted, err)
			}
		})
	}
	at = time.Now().AddDate(100, 0, 0)
	if _, err := p.identify(alice.Chain().DER(), want); !errors.Is(err, errUntrusted) {
		t.Errorf("in a hundred years: %v", err)
	}
}

// TestWrongChain refuses a device that shows another account than it has
// published, in both directions.
func TestWrongChain(t *testing.T) {
	_, alias := otherwise(t)
	for _, aliceAsks := range []bool{false, true} {
		simulate(t, 10*time.Millisecond, func(t *testing.T, s *simulation) {
			alice := s.person(0, func(cfg *Config) { cfg.Device = alias })
			bob := s.person(1, nil)
			alice.accept(bob, Contact)
			bob.accept(alice, Contact)
			if aliceAsks {
				alice.want(bob)
			} else {
				bob.want(alice)
			}
			time.Sleep(20 * time.Second)
			if stats := bob.Stats(); stats.Untrusted != 1 || stats.Connected != 0 {
				t.Errorf("alice asks: %t; bob: %+v", aliceAsks, stats)
			}
		})
	}
}

// FuzzIdentify takes certificates of whoever connects.
func FuzzIdentify(f *testing.F) {
	alice := people()[0]
	p := &Peers{cfg: Config{Verify: func(chain identity.Chain) (infohash.Hash, error) {
		return chain.Verify(born.Add(time.Hour))
	}}}
	f.Add(alice.Chain().DER()[0], alice.Chain().DER()[1])
	f.Add([]byte{}, []byte{0x30})
	f.Fuzz(func(t *testing.T, leaf, issuer []byte) {
		chain, err := p.identify([][]byte{leaf, issuer}, expected{alice.LongID(), alice.Account()})
		if err == nil && (value.KeyLongID(chain.Leaf().SPKI) != alice.LongID() || chain.Account().ID() != alice.Account()) {
			t.Error("somebody else passes")
		}
	})
}
