package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"rollcall/contact"
	"rollcall/dht/infohash"
)

// Load returns the contacts and requests of the account, as Apply has stored them.
func (s *State) Load() (contact.Snapshot, error) {
	var snapshot contact.Snapshot
	for _, load := range []func(*contact.Snapshot) error{
		s.loadContacts, s.loadRequests, s.loadDecisions, s.loadOutgoing, s.loadPolicy,
	} {
		if err := load(&snapshot); err != nil {
			return contact.Snapshot{}, explain("load", err)
		}
	}
	return snapshot, nil
}

func (s *State) loadContacts(to *contact.Snapshot) error {
	var count int
	if err := s.db.QueryRow("SELECT count(*) FROM contact").Scan(&count); err != nil {
		return err
	}
	to.Contacts = make(map[infohash.Hash]contact.Contact, count)
	return each(s.db, func(rows *sql.Rows) error {
		var peer sql.RawBytes
		var c contact.Contact
		if err := rows.Scan(&peer, &c.Added, &c.Removed, &c.Confirmed, &c.Banned, &c.Asked, &c.ConversationID); err != nil {
			return err
		}
		id, err := hash(peer)
		to.Contacts[id] = c
		return err
	}, "SELECT peer, added, removed, confirmed, banned, asked, conversation FROM contact")
}

func (s *State) loadRequests(to *contact.Snapshot) error {
	return each(s.db, func(rows *sql.Rows) error {
		var r contact.Request
		var from, device, digest sql.RawBytes
		err := rows.Scan(&from, &device, &r.DeviceKey, &r.ConversationID, &r.Payload,
			&r.Received, &r.Invited, &digest, &r.Quiet, &r.Seen, &r.Approved)
		if err != nil {
			return err
		}
		if len(digest) != len(r.Digest) {
			return fmt.Errorf("%w: a digest of %d bytes", ErrDamaged, len(digest))
		}
		var errs [2]error
		r.From, errs[0] = hash(from)
		r.Device, errs[1] = hash(device)
		r.Digest = contact.Digest(digest)
		to.Requests = append(to.Requests, r)
		return errors.Join(errs[:]...)
	}, `SELECT sender, device, device_key, conversation, payload, received, invited, digest, quiet, seen, approved
		FROM request`)
}

func (s *State) loadDecisions(to *contact.Snapshot) error {
	return each(s.db, func(rows *sql.Rows) error {
		var d contact.Decision
		var peer, digests sql.RawBytes
		if err := rows.Scan(&peer, &d.Invited, &d.At, &digests); err != nil {
			return err
		}
		var err error
		d.Peer, err = hash(peer)
		const size = len(contact.Digest{})
		for ; len(digests) >= size; digests = digests[size:] {
			d.Digests = append(d.Digests, contact.Digest(digests[:size]))
		}
		to.Decisions = append(to.Decisions, d)
		return err
	}, "SELECT peer, invited, at, digests FROM decision")
}

func (s *State) loadOutgoing(to *contact.Snapshot) error {
	type key struct {
		peer infohash.Hash
		kind contact.Kind
	}
	deliveries := make(map[key][]contact.Delivery)
	err := each(s.db, func(rows *sql.Rows) error {
		var k key
		var d contact.Delivery
		var peer, device sql.RawBytes
		var valueID int64
		if err := rows.Scan(&peer, &k.kind, &device, &valueID, &d.Stored); err != nil {
			return err
		}
		var errs [2]error
		k.peer, errs[0] = hash(peer)
		d.Device, errs[1] = hash(device)
		d.ValueID = uint64(valueID)
		deliveries[k] = append(deliveries[k], d)
		return errors.Join(errs[:]...)
	}, "SELECT peer, kind, device, value_id, stored FROM delivery ORDER BY peer, kind, device")
	if err != nil {
		return err
	}
	return each(s.db, func(rows *sql.Rows) error {
		var o contact.Outgoing
		var peer sql.RawBytes
		if err := rows.Scan(&peer, &o.Kind, &o.ConversationID, &o.Payload, &o.Sent, &o.State); err != nil {
			return err
		}
		var err error
		o.Peer, err = hash(peer)
		o.Deliveries = deliveries[key{o.Peer, o.Kind}]
		to.Outgoing = append(to.Outgoing, o)
		return err
	}, "SELECT peer, kind, conversation, payload, sent, state FROM outgoing")
}

func (s *State) loadPolicy(to *contact.Snapshot) error {
	var allowed []byte
	var codes string
	err := s.db.QueryRow("SELECT mode, allowed, codes FROM policy").Scan(&to.Policy.Mode, &allowed, &codes)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for ; len(allowed) >= infohash.Size; allowed = allowed[infohash.Size:] {
		to.Policy.Allowed = append(to.Policy.Allowed, infohash.Hash(allowed[:infohash.Size]))
	}
	if err := json.Unmarshal([]byte(codes), &to.Policy.Codes); err != nil {
		return fmt.Errorf("%w: invite codes: %w", ErrDamaged, err)
	}
	return nil
}

func hash(b []byte) (infohash.Hash, error) {
	h, ok := infohash.FromBytes(b)
	if !ok {
		return h, fmt.Errorf("%w: an id of %d bytes", ErrDamaged, len(b))
	}
	return h, nil
}
