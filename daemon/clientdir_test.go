package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestClientDirectory: what clients expect is there when the daemon is, also if
// somebody has deleted it.
func TestClientDirectory(t *testing.T) {
	t.Parallel()
	m := newMachine(t, startNetwork(t, 1))
	if _, err := os.Stat(m.cfg.ClientDir); err != nil {
		t.Error(err)
	}
	id, _ := m.addAccount(t, "alice")
	if err := errors.Join(m.Close(), os.RemoveAll(m.cfg.ClientDir)); err != nil {
		t.Fatal(err)
	}
	m.open(t)
	if _, err := os.Stat(filepath.Join(m.cfg.ClientDir, string(id))); err != nil {
		t.Error(err)
	}
}
