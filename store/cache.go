package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"time"

	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/presence"
)

// Cache is what can be found again or be missed, for all accounts. It is safe
// for concurrent use. What it is given last may be lost with the power.
type Cache struct {
	db     *sql.DB
	damage *Damage
}

// OpenCache opens the database at name, or makes it. A damaged one is set aside,
// and an empty one takes its place.
func OpenCache(name string) (*Cache, error) {
	empty := func(string) (string, error) { return "", nil }
	db, damage, err := openOrReplace(name, "cache", "NORMAL", empty)
	if err != nil {
		return nil, err
	}
	return &Cache{db, damage}, nil
}

// Damage tells what OpenCache found to be broken, nil when nothing was.
func (c *Cache) Damage() *Damage { return c.damage }

// Close ends the use of the database.
func (c *Cache) Close() error { return explain("close", c.db.Close()) }

// Certificate returns the chain of a device, PEM, and notes at now that it was
// used. It is nil when none is there.
func (c *Cache) Certificate(now time.Time, device infohash.Hash) ([]byte, error) {
	var chain []byte
	err := c.db.QueryRow("UPDATE certificate SET used = ? WHERE device = ? RETURNING chain", now.UnixMilli(), device[:]).Scan(&chain)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return chain, explain("certificate", err)
}

// SaveCertificate keeps the verified chain of a device of account.
func (c *Cache) SaveCertificate(now time.Time, device, account infohash.Hash, chain []byte) error {
	err := transact(c.db, func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT OR REPLACE INTO certificate VALUES (?, ?, ?, ?)", device[:], account[:], chain, now.UnixMilli())
		if err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM certificate WHERE device IN
			(SELECT device FROM certificate ORDER BY used DESC LIMIT -1 OFFSET ?)`, maxCertificates)
		return err
	})
	return explain("save certificate", err)
}

// Revocation returns the list of revoked devices of an account and the
// certificate that signed it, DER both, or nil.
func (c *Cache) Revocation(account infohash.Hash) (issuer, list []byte, err error) {
	err = c.db.QueryRow("SELECT issuer, list FROM revocation WHERE account = ?", account[:]).Scan(&issuer, &list)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	return issuer, list, explain("revocation list", err)
}

// SaveRevocation keeps the verified list of an account in place of an older one.
// With too many of them the one that was saved first goes.
func (c *Cache) SaveRevocation(account infohash.Hash, issuer, list []byte) error {
	err := transact(c.db, func(tx *sql.Tx) error {
		result, err := tx.Exec("INSERT OR REPLACE INTO revocation VALUES (?, ?, ?)", account[:], issuer, list)
		if err != nil {
			return err
		}
		last, err := result.LastInsertId()
		if err == nil && last > maxRevocations {
			_, err = tx.Exec("DELETE FROM revocation WHERE rowid <= ?", last-maxRevocations)
		}
		return err
	})
	return explain("save revocation list", err)
}

// Treat notes that account treats a request of a device, and reports whether that
// is the first time.
func (c *Cache) Treat(account infohash.Hash, device value.LongID, id uint64) (first bool, err error) {
	err = transact(c.db, func(tx *sql.Tx) error {
		result, err := tx.Exec("INSERT OR IGNORE INTO request (account, device, id) VALUES (?, ?, ?)", account[:], device[:], int64(id))
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if first = n > 0; err != nil || !first {
			return err
		}
		last, err := result.LastInsertId()
		if err == nil && last > maxRequests {
			_, err = tx.Exec("DELETE FROM request WHERE number <= ?", last-maxRequests)
		}
		return err
	})
	return first, explain("treated request", err)
}

// Memory returns what was known of the presence of peer as account saw it.
func (c *Cache) Memory(account, peer infohash.Hash) (presence.Memory, error) {
	var last int64
	var history, dates []byte
	err := c.db.QueryRow("SELECT last, history, dates FROM seen WHERE account = ? AND peer = ?", account[:], peer[:]).
		Scan(&last, &history, &dates)
	if errors.Is(err, sql.ErrNoRows) {
		return presence.Memory{}, nil
	}
	if err != nil {
		return presence.Memory{}, explain("presence", err)
	}
	return presence.Memory{LastSeen: unix(last), History: parseHistory(history), Dates: parseDates(dates)}, nil
}

// SaveMemory keeps it.
func (c *Cache) SaveMemory(account, peer infohash.Hash, m presence.Memory) error {
	_, err := c.db.Exec("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
		account[:], peer[:], milli(m.LastSeen), appendHistory(m.History), appendDates(m.Dates))
	return explain("save presence", err)
}

// Forget drops what account saw of others.
func (c *Cache) Forget(account infohash.Hash) error {
	err := transact(c.db, func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM seen WHERE account = ?", account[:])
		if err == nil {
			_, err = tx.Exec("DELETE FROM request WHERE account = ?", account[:])
		}
		return err
	})
	return explain("forget account", err)
}

// A change takes 9 bytes, time and status; one that is a note is marked in the
// status and goes on with the length of the text in two bytes, and the text.
const (
	changeSize = 8 + 1
	noteMark   = 0x80
)

func appendHistory(history []presence.Change) []byte {
	b := make([]byte, 0, len(history)*changeSize)
	for _, change := range history {
		b = binary.BigEndian.AppendUint64(b, uint64(milli(change.At)))
		if !change.Noted {
			b = append(b, byte(change.Status))
			continue
		}
		b = append(b, byte(change.Status)|noteMark)
		b = binary.BigEndian.AppendUint16(b, uint16(len(change.Note)))
		b = append(b, change.Note...)
	}
	return b
}

func parseHistory(b []byte) []presence.Change {
	var history []presence.Change
	for len(b) >= changeSize {
		change := presence.Change{
			At:     unix(int64(binary.BigEndian.Uint64(b))),
			Status: presence.Status(b[8] &^ noteMark), Noted: b[8]&noteMark != 0,
		}
		b = b[changeSize:]
		if change.Noted {
			if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
				break
			}
			size := 2 + int(binary.BigEndian.Uint16(b))
			change.Note, b = string(b[2:size]), b[size:]
		}
		if change.Status <= presence.Connected {
			history = append(history, change)
		}
	}
	return history
}

// A date takes 37 bytes: device, newest, seen, flags.
const dateSize = infohash.Size + 8 + 8 + 1

const (
	flagGone = 1 << iota
	flagLasting
)

func appendDates(dates []presence.DeviceDate) []byte {
	b := make([]byte, 0, len(dates)*dateSize)
	for _, d := range dates {
		b = append(b, d.Device[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(milli(d.Newest)))
		b = binary.BigEndian.AppendUint64(b, uint64(milli(d.Seen)))
		var flags byte
		if d.Gone {
			flags |= flagGone
		}
		if d.Lasting {
			flags |= flagLasting
		}
		b = append(b, flags)
	}
	return b
}

func parseDates(b []byte) []presence.DeviceDate {
	var dates []presence.DeviceDate
	for ; len(b) >= dateSize; b = b[dateSize:] {
		dates = append(dates, presence.DeviceDate{
			Device: infohash.Hash(b[:infohash.Size]),
			Newest: unix(int64(binary.BigEndian.Uint64(b[infohash.Size:]))),
			Seen:   unix(int64(binary.BigEndian.Uint64(b[infohash.Size+8:]))),
			Gone:   b[dateSize-1]&flagGone != 0, Lasting: b[dateSize-1]&flagLasting != 0,
		})
	}
	return dates
}

// milli returns a time in Unix milliseconds, 0 for the zero time.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func unix(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
