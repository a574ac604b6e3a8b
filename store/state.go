package store

import (
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"rollcall/dht/value"
)

// State is what one account must not lose. It is safe for concurrent use.
type State struct {
	db     *sql.DB
	name   string
	damage *Damage
}

// OpenState opens the database at name, or makes it. A damaged one is set aside,
// and the newest sound snapshot takes its place, or an empty one: see
// [State.Damage].
func OpenState(name string) (*State, error) {
	db, damage, err := openOrReplace(name, "state", "FULL", restoreSnapshot)
	if err != nil {
		return nil, err
	}
	return &State{db: db, name: name, damage: damage}, nil
}

// openOrReplace opens a database; a damaged one is set aside first, for what
// restore puts in its place.
func openOrReplace(name, kind, synchronous string, restore func(string) (string, error)) (*sql.DB, *Damage, error) {
	db, err := openSound(name, kind, synchronous)
	if err == nil || !errors.Is(err, ErrDamaged) {
		return db, nil, err
	}
	damage := &Damage{Cause: err}
	if damage.SetAside, err = setAside(name, time.Now()); err != nil {
		return nil, nil, errors.Join(damage.Cause, err)
	}
	if damage.Restored, err = restore(name); err != nil {
		return nil, nil, errors.Join(damage.Cause, err)
	}
	db, err = openSound(name, kind, synchronous)
	return db, damage, err
}

func openSound(name, kind, synchronous string) (*sql.DB, error) {
	db, err := openDatabase(name, kind, synchronous)
	if err != nil {
		return nil, err
	}
	if err := check(db); err != nil {
		db.Close()
		return nil, explain("check "+name, err)
	}
	return db, nil
}

// Damage tells what OpenState found to be broken, nil when nothing was.
func (s *State) Damage() *Damage { return s.damage }

// Close ends the use of the database.
func (s *State) Close() error { return explain("close", s.db.Close()) }

// Settings returns all settings.
func (s *State) Settings() (map[string]string, error) {
	settings := make(map[string]string)
	err := each(s.db, func(rows *sql.Rows) error {
		var key, value string
		err := rows.Scan(&key, &value)
		settings[key] = value
		return err
	}, "SELECT key, value FROM setting")
	return settings, explain("settings", err)
}

// SaveSettings sets the given settings and leaves the others as they are.
func (s *State) SaveSettings(settings map[string]string) error {
	err := transact(s.db, func(tx *sql.Tx) error {
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			if _, err := tx.Exec("INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", key, settings[key]); err != nil {
				return err
			}
		}
		return nil
	})
	return explain("save settings", err)
}

// Devices returns the other devices of the account with their names.
func (s *State) Devices() (map[value.LongID]string, error) {
	devices := make(map[value.LongID]string)
	err := each(s.db, func(rows *sql.Rows) error {
		var id []byte
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		if len(id) != len(value.LongID{}) {
			return ErrDamaged
		}
		devices[value.LongID(id)] = name
		return nil
	}, "SELECT id, name FROM device")
	return devices, explain("devices", err)
}

// SaveDevice keeps another device of the account under a name.
func (s *State) SaveDevice(id value.LongID, name string) error {
	_, err := s.db.Exec("INSERT INTO device VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name", id[:], name)
	return explain("save device", err)
}

// each calls f for every row of a query.
func each(db *sql.DB, f func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
