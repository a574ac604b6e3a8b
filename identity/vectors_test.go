package identity

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What is in testdata was made by the 2023 daemon, but alice, carol and dave,
// which OpenDHT 2.4.12 made.
const (
	vectorAccount = "e0dc35a83e68f2652857531bf5da31e47942e292"
	vectorCA      = "eb211a2ec3e2f3d1d71e016c075b3acf6497ae60"
	vectorDevice  = "10b48c9a4c20a2572a6d10385782eb5ddd229460"
	vectorLong    = "cbafcfb50b82064c7c097ea2d2821006c07f7eeae89c359864a138910cda0960"
	vectorEth     = "6d81eccb6d0f01f3d0a2664e23e7911708d3591f"
)

// vectorTime is a moment in the life of every certificate in testdata.
var vectorTime = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func vectorChain(t testing.TB, name string) Chain {
	t.Helper()
	chain, err := ParseChain(testdata(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return chain
}

func vectorArchive(t testing.TB) *Archive {
	t.Helper()
	a, err := OpenArchive(testdata(t, "archive-nopassword.gz"), Secret{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// dice is an endless, repeatable source of bytes.
type dice struct{ state uint64 }

func (d *dice) Read(p []byte) (int, error) {
	for i := range p {
		d.state = d.state*6364136223846793005 + 1442695040888963407
		p[i] = byte(d.state >> 56)
	}
	return len(p), nil
}
