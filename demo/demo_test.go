package demo

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestStory holds the story to its promise: told soon, and nothing left behind. It
// takes ten seconds, and more with the race detector on a machine that is busy.
func TestStory(t *testing.T) {
	dir, err := os.MkdirTemp("", "demo") // short: sockets have names of at most 103 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	var out strings.Builder
	begin := time.Now()
	if err := Run(t.Context(), Config{Out: &out, Once: true}); err != nil {
		t.Fatalf("%v; told so far:\n%s", err, out.String())
	}
	took := time.Since(begin)
	t.Logf("told in %v:\n%s", took, out.String())
	if took > 2*time.Minute {
		t.Errorf("the story took %v", took)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
