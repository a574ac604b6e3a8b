package token

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	start = time.Unix(1_700_000_000, 0)
	alice = netip.MustParseAddrPort("192.0.2.1:4222")
)

func newSource(t testing.TB) *Source {
	t.Helper()
	s, err := New(start, rand.New(rand.NewPCG(1, 2)), rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestValid(t *testing.T) {
	s := newSource(t)
	token := s.Append(nil, start, alice)
	if len(token) != 32 {
		t.Fatalf("%d bytes, want 32 (opendht spec 6.3)", len(token))
	}
	changed := bytes.Clone(token)
	changed[31] ^= 1
	foreign, err := New(start, rand.New(rand.NewPCG(1, 2)), rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		token []byte
		addr  string
		want  bool
	}{
		{"own", token, "192.0.2.1:4222", true},
		{"IPv4-mapped", token, "[::ffff:192.0.2.1]:4222", true},
		{"other port", token, "192.0.2.1:4223", false},
		{"other address", token, "192.0.2.2:4222", false},
		{"changed", changed, "192.0.2.1:4222", false},
		{"short", token[:31], "192.0.2.1:4222", false},
		{"long", append(bytes.Clone(token), 0), "192.0.2.1:4222", false},
		{"none", nil, "192.0.2.1:4222", false},
		{"of another node", foreign.Append(nil, start, alice), "192.0.2.1:4222", false},
	}
	for _, tt := range tests {
		if got := s.Valid(start, tt.token, netip.MustParseAddrPort(tt.addr)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAppendKeepsPrefix(t *testing.T) {
	s := newSource(t)
	got := s.Append([]byte("ab"), start, alice)
	if !bytes.HasPrefix(got, []byte("ab")) || !s.Valid(start, got[2:], alice) {
		t.Errorf("got %x", got)
	}
}

// TestLife checks how long tokens live: 15 minutes at least, 90 at most, whatever
// happened in between.
func TestLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		s, err := New(start, rand.New(rand.NewPCG(seed, 0)), rand.NewChaCha8([32]byte{byte(seed)}))
		if err != nil {
			t.Fatal(err)
		}
		minutes := rapid.IntRange(0, 240)
		made := start.Add(time.Duration(minutes.Draw(t, "made")) * time.Minute)
		token := s.Append(nil, made, alice)
		now := made
		for range rapid.IntRange(1, 5).Draw(t, "checks") {
			now = now.Add(time.Duration(minutes.Draw(t, "pause")) * time.Minute)
			valid := s.Valid(now, token, alice)
			if age := now.Sub(made); valid && age > 2*mostRenewal || !valid && age <= leastRenewal {
				t.Fatalf("after %v: %v", age, valid)
			}
		}
	})
}

func TestClockStepsBack(t *testing.T) {
	s := newSource(t)
	token := s.Append(nil, start, alice)
	if !s.Valid(start.Add(-time.Hour), token, alice) {
		t.Error("token lost")
	}
}

func TestSecretsFail(t *testing.T) {
	failure := errors.New("no entropy")
	if _, err := New(start, rand.New(rand.NewPCG(1, 2)), failingReader{failure}); !errors.Is(err, failure) {
		t.Errorf("New: %v, want %v", err, failure)
	}
	enough := io.MultiReader(io.LimitReader(rand.NewChaCha8([32]byte{}), 2*secretSize), failingReader{failure})
	s, err := New(start, rand.New(rand.NewPCG(1, 2)), enough)
	if err != nil {
		t.Fatal(err)
	}
	token := s.Append(nil, start, alice)
	if later := start.Add(24 * time.Hour); !s.Valid(later, token, alice) {
		t.Error("without a new secret the old one is no longer accepted")
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestNoAllocations(t *testing.T) {
	s := newSource(t)
	token := s.Append(nil, start, alice)
	b := make([]byte, 0, Size)
	if n := testing.AllocsPerRun(1000, func() {
		b = s.Append(b[:0], start, alice)
		if !s.Valid(start, token, alice) {
			t.Fatal("not valid")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	s := newSource(b)
	var token []byte
	for b.Loop() {
		token = s.Append(token[:0], start, alice)
	}
}

func BenchmarkValid(b *testing.B) {
	s := newSource(b)
	token := s.Append(nil, start, alice)
	for b.Loop() {
		s.Valid(start, token, alice)
	}
}
