package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Damage tells what was found to be broken and what was done about it.
type Damage struct {
	SetAside string // where the damaged file is now
	Restored string // the snapshot that took its place, "" = a new, empty database
	Cause    error
}

func (d *Damage) Error() string {
	now := "an empty one took its place"
	if d.Restored != "" {
		now = "the snapshot " + d.Restored + " took its place"
	}
	return fmt.Sprintf("%v: it is kept as %s; %s", d.Cause, d.SetAside, now)
}

func (d *Damage) Unwrap() error { return d.Cause }

// setAside renames a damaged database with its log, and never over anything.
func setAside(name string, now time.Time) (string, error) {
	aside := name + ".damaged-" + now.UTC().Format("20060102T150405.000000000Z")
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(name+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("store: set a damaged database aside: %w", err)
		}
	}
	return aside, nil
}
