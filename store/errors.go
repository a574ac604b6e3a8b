package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrDamaged reports a file that is no database, or a broken one.
	ErrDamaged = errors.New("the database is damaged")
	// ErrFull reports that the disk is full. Nothing of the change is stored.
	ErrFull = errors.New("the disk is full, make room and try again")
	// ErrInUse reports a database that another process has open.
	ErrInUse = errors.New("the database is in use by another process")
	// ErrNewer reports a database that a newer version of this program wrote.
	ErrNewer = errors.New("the database was written by a newer version, use that one")
)

// explain wraps a database error with the sentinel that says what to do.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		const primary = 0xff // the other bits say more about the same error
		switch e.Code() & primary {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		case sqlite3.SQLITE_FULL:
			err = fmt.Errorf("%w: %w", ErrFull, err)
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			err = fmt.Errorf("%w: %w", ErrInUse, err)
		}
	}
	return fmt.Errorf("store: %s: %w", doing, err)
}
