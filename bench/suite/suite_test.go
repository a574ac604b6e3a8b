//go:build linux

package suite

import (
	"log/slog"
	"slices"
	"testing"

	"rollcall/bench/server"
	"rollcall/bench/wire"
)

func TestTurnAlternates(t *testing.T) {
	programs := []server.Program{{Name: "a"}, {Name: "b"}}
	for round, want := range []string{"a", "b", "a"} {
		if got := turn(programs, round)[0].Name; got != want {
			t.Errorf("round %d begins with %s, want %s", round, got, want)
		}
	}
}

func TestScatterRepeatsItselfAndNothingElse(t *testing.T) {
	seen := make(map[wire.ID]bool)
	for i := range uint64(10_000) {
		seen[scatter(i)] = true
	}
	if len(seen) != 10_000 || !seen[scatter(7)] {
		t.Errorf("%d different keys of 10000", len(seen))
	}
}

func TestKindsHaveNamesOfTheirOwn(t *testing.T) {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(kinds) {
		t.Error("two kinds share a name")
	}
}

func TestSignedValuesAreMadeOnce(t *testing.T) {
	s := New(Config{Signed: owners, Log: slog.New(slog.DiscardHandler)})
	first, err := s.pool(2048)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.pool(2048)
	if err != nil || first != second || len(first.values) != owners {
		t.Errorf("%d values, %v", len(first.values), err)
	}
}
