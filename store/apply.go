package store

import (
	"database/sql"
	"encoding/json"
	"errors"

	"rollcall/contact"
	"rollcall/dht/infohash"
)

// Apply stores the Save… and Delete… effects of a contact list, in order and
// together: all of them or, with an error, none. Effects of other kinds are
// passed over. now, in Unix milliseconds, dates the journal.
func (s *State) Apply(now int64, effects []contact.Effect) error {
	err := transact(s.db, func(tx *sql.Tx) error {
		for _, e := range effects {
			if err := apply(tx, now, e); err != nil {
				return err
			}
		}
		return nil
	})
	return explain("save contacts", err)
}

// Stores reports whether Apply has anything to do for an effect.
func Stores(e contact.Effect) bool {
	switch e.(type) {
	case contact.SaveContact, contact.SaveRequest, contact.DeleteRequest, contact.SaveDecision,
		contact.DeleteDecision, contact.SaveOutgoing, contact.DeleteOutgoing, contact.DeleteDelivery,
		contact.SavePolicy:
		return true
	}
	return false
}

func apply(tx *sql.Tx, now int64, e contact.Effect) error {
	var err error
	switch e := e.(type) {
	case contact.SaveContact:
		err = saveContact(tx, now, e)
	case contact.SaveRequest:
		err = saveRequest(tx, &e.Request)
	case contact.DeleteRequest:
		_, err = tx.Exec("DELETE FROM request WHERE sender = ?", e.From[:])
	case contact.SaveDecision:
		err = saveDecision(tx, e.Decision)
	case contact.DeleteDecision:
		_, err = tx.Exec("DELETE FROM decision WHERE peer = ?", e.Peer[:])
	case contact.SaveOutgoing:
		err = saveOutgoing(tx, &e.Outgoing)
	case contact.DeleteOutgoing:
		_, err = tx.Exec("DELETE FROM outgoing WHERE peer = ? AND kind = ?", e.Peer[:], e.Kind)
	case contact.DeleteDelivery:
		_, err = tx.Exec("DELETE FROM delivery WHERE peer = ? AND kind = ? AND device = ?", e.Ref.Peer[:], e.Ref.Kind, e.Ref.Device[:])
	case contact.SavePolicy:
		err = savePolicy(tx, e.Policy)
	}
	return err
}

func saveContact(tx *sql.Tx, now int64, e contact.SaveContact) error {
	c, old := e.Contact, e.Old
	_, err := tx.Exec(`INSERT INTO contact VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		added = excluded.added, removed = excluded.removed, confirmed = excluded.confirmed,
		banned = excluded.banned, asked = excluded.asked, conversation = excluded.conversation`,
		e.Peer[:], c.Added, c.Removed, c.Confirmed, c.Banned, c.Asked, c.ConversationID)
	if err != nil {
		return err
	}
	result, err := tx.Exec(`INSERT INTO journal (at, peer, cause, device, added, removed, confirmed, banned, conversation)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		now, e.Peer[:], e.Cause.String(), e.Device[:], old.Added, old.Removed, old.Confirmed, old.Banned, old.ConversationID)
	if err != nil {
		return err
	}
	last, err := result.LastInsertId()
	if err == nil && last > maxJournal {
		_, err = tx.Exec("DELETE FROM journal WHERE id <= ?", last-maxJournal)
	}
	return err
}

func saveRequest(tx *sql.Tx, r *contact.Request) error {
	_, err := tx.Exec("INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.From[:], r.Device[:], blob(r.DeviceKey), r.ConversationID, blob(r.Payload),
		r.Received, r.Invited, r.Digest[:], r.Quiet, r.Seen, r.Approved)
	return err
}

func saveDecision(tx *sql.Tx, d contact.Decision) error {
	digests := make([]byte, 0, len(d.Digests)*len(contact.Digest{}))
	for _, digest := range d.Digests {
		digests = append(digests, digest[:]...)
	}
	_, err := tx.Exec("INSERT OR REPLACE INTO decision VALUES (?, ?, ?, ?)", d.Peer[:], d.Invited, d.At, digests)
	return err
}

// saveOutgoing keeps the encrypted values of deliveries that stay.
func saveOutgoing(tx *sql.Tx, o *contact.Outgoing) error {
	_, err := tx.Exec(`INSERT INTO outgoing VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		conversation = excluded.conversation, payload = excluded.payload, sent = excluded.sent, state = excluded.state`,
		o.Peer[:], o.Kind, o.ConversationID, blob(o.Payload), o.Sent, o.State)
	if err != nil {
		return err
	}
	for _, d := range o.Deliveries {
		_, err := tx.Exec(`INSERT INTO delivery VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET
			sealed = iif(value_id = excluded.value_id, sealed, NULL),
			value_id = excluded.value_id, stored = excluded.stored`,
			o.Peer[:], o.Kind, d.Device[:], int64(d.ValueID), d.Stored)
		if err != nil {
			return err
		}
	}
	return nil
}

func savePolicy(tx *sql.Tx, p contact.Policy) error {
	allowed := make([]byte, 0, len(p.Allowed)*infohash.Size)
	for _, account := range p.Allowed {
		allowed = append(allowed, account[:]...)
	}
	codes, err := json.Marshal(p.Codes)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT OR REPLACE INTO policy VALUES (1, ?, ?, ?)", p.Mode, allowed, string(codes))
	return err
}

// blob keeps an empty slice from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Sealed returns the encrypted value that was made of a message for one device,
// packed, or nil when none was.
func (s *State) Sealed(ref contact.Ref) ([]byte, error) {
	var packed []byte
	err := s.db.QueryRow("SELECT sealed FROM delivery WHERE peer = ? AND kind = ? AND device = ? AND value_id = ?",
		ref.Peer[:], ref.Kind, ref.Device[:], int64(ref.ValueID)).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return packed, explain("load a message", err)
}

// SaveSealed keeps it until the message or the delivery goes; it does nothing
// when that has happened already.
func (s *State) SaveSealed(ref contact.Ref, packed []byte) error {
	_, err := s.db.Exec("UPDATE delivery SET sealed = ? WHERE peer = ? AND kind = ? AND device = ? AND value_id = ?",
		packed, ref.Peer[:], ref.Kind, ref.Device[:], int64(ref.ValueID))
	return explain("save a message", err)
}
