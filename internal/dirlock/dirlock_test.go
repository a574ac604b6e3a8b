package dirlock

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

func TestTake(t *testing.T) {
	dir := t.TempDir()
	lock, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(dir); !errors.Is(err, ErrHeld) {
		t.Errorf("while it is held: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Take(dir)
	if err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	again.Close()
	if _, err := Take(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
