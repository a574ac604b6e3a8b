// Package dirlock keeps a directory to one process at a time.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// name is the file in the directory that is locked. It stays when the lock ends: who
// removed it could take it from under another.
const name = "lock"

// ErrHeld reports a directory that somebody else has.
var ErrHeld = errors.New("in use by another process")

// Take makes a directory, which must exist, the caller's until the file is closed or
// the process ends, however it does. The error is [ErrHeld] when somebody has it.
func Take(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, errors.Join(ErrHeld, lock.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", lock.Name(), err), lock.Close())
	}
	return lock, nil
}
