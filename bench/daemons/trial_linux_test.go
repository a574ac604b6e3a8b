package daemons

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"testing"

	"rollcall/test/leftout"
)

func TestTrialCleansUpBackwards(t *testing.T) {
	var order []string
	var dir string
	err := try(t.Context(), slog.New(slog.DiscardHandler), func(tr *trial) error {
		dir = tr.TempDir()
		tr.Cleanup(func() { order = append(order, "first") })
		tr.Cleanup(func() { order = append(order, "second") })
		return nil
	})
	if err != nil || !slices.Equal(order, []string{"second", "first"}) {
		t.Errorf("cleaned up %v, %v", order, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestTrialEnds(t *testing.T) {
	t.Setenv("ROLLCALL_LEFT_OUT", "")
	fault := errors.New("fault")
	tests := map[string]struct {
		run  func(*trial) error
		want string
	}{
		"error":  {func(*trial) error { return fault }, "fault"},
		"fatal":  {func(tr *trial) error { tr.Fatal(fault); return nil }, "fault"},
		"fatalf": {func(tr *trial) error { tr.Fatalf("no %s", "bus"); return nil }, "no bus"},
		"skip":   {func(tr *trial) error { leftout.Test(tr, "D-Bus", "no bus"); return nil }, "left out: D-Bus: no bus"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			failed := false
			err := try(t.Context(), slog.New(slog.DiscardHandler), func(tr *trial) error {
				tr.Cleanup(func() { failed = tr.Failed() })
				return test.run(tr)
			})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if !failed {
				t.Error("the cleanup does not see that it failed")
			}
		})
	}
}
