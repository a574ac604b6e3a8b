package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// snapshotGlob matches the snapshots of a database beside it.
const snapshotGlob = ".snapshot-*.db"

// Backup writes a copy of the database to a file that must not exist yet. It is
// a State of its own, to be opened or put in the place of another while
// that is closed.
func (s *State) Backup(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("store: back up to %s: the file exists, choose another name", name)
	}
	part := name + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("store: back up: %w", err)
	}
	if _, err := s.db.Exec("VACUUM INTO ?", part); err != nil {
		os.Remove(part)
		return explain("back up", err)
	}
	if err := os.Chmod(part, 0o600); err != nil {
		return fmt.Errorf("store: back up: %w", err)
	}
	if err := place(part, name); err != nil {
		return fmt.Errorf("store: back up: %w", err)
	}
	return nil
}

// Snapshot backs the database up beside itself, once a day, and drops the oldest
// of such copies when there are more than a week's. taken is false when there is
// one of this day.
func (s *State) Snapshot(now time.Time) (taken bool, err error) {
	name := s.name + ".snapshot-" + now.UTC().Format("20060102") + ".db"
	if _, err := os.Stat(name); err == nil {
		return false, nil
	}
	if err := s.Backup(name); err != nil {
		return false, err
	}
	old, err := snapshots(s.name)
	if err != nil {
		return true, err
	}
	for _, name := range old[min(maxSnapshots, len(old)):] {
		if err := os.Remove(name); err != nil {
			return true, fmt.Errorf("store: old snapshot: %w", err)
		}
	}
	return true, nil
}

// snapshots returns the snapshots of the database at name, the newest first.
func snapshots(name string) ([]string, error) {
	dir := filepath.Dir(name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("store: snapshots: %w", err)
	}
	var found []string
	for _, entry := range entries {
		if ok, _ := filepath.Match(filepath.Base(name)+snapshotGlob, entry.Name()); ok {
			found = append(found, filepath.Join(dir, entry.Name()))
		}
	}
	slices.Sort(found)
	slices.Reverse(found)
	return found, nil
}

// restoreSnapshot puts the newest sound snapshot in the place of name and returns
// it, or "" when there is none.
func restoreSnapshot(name string) (string, error) {
	all, err := snapshots(name)
	if err != nil {
		return "", err
	}
	for _, snapshot := range all {
		err := Restore(snapshot, name)
		if errors.Is(err, ErrDamaged) {
			continue
		}
		return snapshot, err
	}
	return "", nil
}

// Restore makes a backup the database at name, which must not exist. The backup
// is checked first, and stays.
func Restore(backup, name string) error {
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("store: restore to %s: the file exists, move it away first", name)
	}
	part := name + ".part"
	if err := copyFile(part, backup); err != nil {
		return fmt.Errorf("store: restore %s: %w", backup, err)
	}
	defer os.Remove(part)
	db, err := openDatabase(part, "state", "FULL")
	if err != nil {
		return err
	}
	err = check(db)
	if err := errors.Join(err, db.Close()); err != nil {
		return explain("restore "+backup, err)
	}
	if err := place(part, name); err != nil {
		return fmt.Errorf("store: restore %s: %w", backup, err)
	}
	return nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// place gives a finished file its name, durably.
func place(part, name string) error {
	for _, step := range []func() error{
		func() error { return syncFile(part) },
		func() error { return os.Rename(part, name) },
		func() error { return syncFile(filepath.Dir(name)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
