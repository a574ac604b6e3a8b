package store

import (
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed migrations
var migrations embed.FS

// openDatabase opens the database at name, or makes it, and brings its schema
// to the present version by the files migrations/kind/NNNN_what.sql. It is
// for one process: a second one gets ErrInUse.
func openDatabase(name, kind, synchronous string) (*sql.DB, error) {
	if err := keepPrivate(name); err != nil {
		return nil, explain("open "+name, err)
	}
	// The locking mode comes before anything that reads the file: then no other
	// process can share it, and no file of shared memory is needed.
	query := url.Values{
		"_pragma":       {"locking_mode(EXCLUSIVE)"},
		"_busy_timeout": {"1000"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {synchronous},
		"_foreign_keys": {"1"},
		"_txlock":       {"immediate"},
	}
	dsn := url.URL{Scheme: "file", Path: name, OmitHost: true, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	// One connection is one writer, and the order of calls is that of their
	// transactions.
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	if err := prepare(db, kind); err != nil {
		db.Close()
		return nil, explain("open "+name, err)
	}
	return db, nil
}

// keepPrivate sees to it that nobody else can read the database, nor the files beside
// it, to which SQLite gives the same mode. A file that is there is not opened: to close
// it would take the lock from whoever has it in this process.
func keepPrivate(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if mode, private := info.Mode(), info.Mode().Perm()&0o700; mode.IsRegular() && mode.Perm() != private {
		return os.Chmod(name, private)
	}
	return nil
}

// prepare sets the connection up and brings the schema to the present version.
func prepare(db *sql.DB, kind string) error {
	if _, err := db.Exec(fmt.Sprintf("PRAGMA trusted_schema = 0; PRAGMA cache_size = -%d", pageCache)); err != nil {
		return err
	}
	return migrate(db, kind)
}

// migrate runs the migrations that the database has not seen, each in a
// transaction of its own.
func migrate(db *sql.DB, kind string) error {
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	dir := path.Join("migrations", kind)
	files, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return err
	}
	if version > len(files) {
		return fmt.Errorf("%w: it has version %d, this program knows %d", ErrNewer, version, len(files))
	}
	for _, file := range files[version:] {
		text, err := fs.ReadFile(migrations, path.Join(dir, file.Name()))
		if err != nil {
			return err
		}
		number, _, _ := strings.Cut(file.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		err = transact(db, func(tx *sql.Tx) error {
			if _, err := tx.Exec(string(text)); err != nil {
				return err
			}
			_, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", version))
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", file.Name(), err)
		}
	}
	return nil
}

// transact runs f in a transaction, which is rolled back if f fails.
func transact(db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error tells what happened
		return err
	}
	return tx.Commit()
}

// check reads the database through and reports damage.
func check(db *sql.DB) error {
	var result string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, result)
	}
	return nil
}
