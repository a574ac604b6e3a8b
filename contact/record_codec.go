package contact

import (
	"errors"
	"fmt"

	"rollcall/dht/infohash"
	"rollcall/internal/msgpack"
)

// The file of contacts and the "peers" map that devices of an account exchange
// (contacts spec 1):
//
//	map  bin 20 account id → map
//	    added, removed          int   seconds
//	    confirmed, banned       bool
//	    conversationId          str
//	    addedMs, removedMs      int   milliseconds, from newer peers only
//
// Keys may be missing, in any order, and joined by unknown ones.

// ErrRecord reports one record of a file or a message that cannot be read; the
// others are read nevertheless.
var ErrRecord = errors.New("contact: damaged record")

// Bad is a record that could not be read. Raw, its value, aliases the input.
type Bad struct {
	Key, Raw []byte
	Err      error
}

// maxSeconds keeps seconds from overflowing as milliseconds.
const maxSeconds = 1 << 50

// AppendContacts appends the entries as one map, in the form of newer peers,
// which older ones read too.
func AppendContacts(b []byte, entries []Entry) []byte {
	b = msgpack.AppendMap(b, len(entries))
	for _, e := range entries {
		b = msgpack.AppendBin(b, e.Peer[:])
		b = e.Record.append(b)
	}
	return b
}

func (r Record) append(b []byte) []byte {
	b = msgpack.AppendMap(b, 7)
	b = msgpack.AppendString(b, keyAdded)
	b = msgpack.AppendInt(b, r.Added/msPerSecond)
	b = msgpack.AppendString(b, keyRemoved)
	b = msgpack.AppendInt(b, r.Removed/msPerSecond)
	b = msgpack.AppendString(b, keyConfirmed)
	b = msgpack.AppendBool(b, r.Confirmed)
	b = msgpack.AppendString(b, keyBanned)
	b = msgpack.AppendBool(b, r.Banned)
	b = msgpack.AppendString(b, keyConversation)
	b = msgpack.AppendString(b, r.ConversationID)
	b = msgpack.AppendString(b, keyAddedMs)
	b = msgpack.AppendInt(b, r.Added)
	b = msgpack.AppendString(b, keyRemovedMs)
	return msgpack.AppendInt(b, r.Removed)
}

// ParseContacts reads a map of contacts in either form. Records that cannot be
// read are returned in bad; err is set when the map itself is damaged, and then
// what was read before the damage is returned still.
func ParseContacts(b []byte) (entries []Entry, bad []Bad, err error) {
	bad, err = parsePeers(b, func(peer infohash.Hash, raw []byte) error {
		record, err := parseRecord(raw)
		if err == nil {
			entries = append(entries, Entry{peer, record})
		}
		return err
	})
	return entries, bad, err
}

// parsePeers walks a map of account ids to records and hands each record to
// parse, whose errors it collects.
func parsePeers(b []byte, parse func(peer infohash.Hash, raw []byte) error) (bad []Bad, err error) {
	r := msgpack.NewReader(b)
	for range r.Map() {
		key, raw := r.Blob(), r.Raw()
		if r.Err() != nil {
			break
		}
		peer, ok := infohash.FromBytes(key)
		if !ok || peer.IsZero() {
			bad = append(bad, Bad{key, raw, fmt.Errorf("%w: key of %d bytes names no account", ErrRecord, len(key))})
			continue
		}
		if err := parse(peer, raw); err != nil {
			bad = append(bad, Bad{key, raw, fmt.Errorf("%w of %s: %w", ErrRecord, peer, err)})
		}
	}
	if r.Err() != nil {
		err = fmt.Errorf("contact: damaged map of accounts: %w", r.Err())
	}
	return bad, err
}

func parseRecord(raw []byte) (Record, error) {
	var rec Record
	var addedMs, removedMs int64
	r := msgpack.NewReader(raw)
	for range r.Map() {
		switch string(r.Str()) {
		case keyAdded:
			rec.Added = readTime(&r, msPerSecond)
		case keyRemoved:
			rec.Removed = readTime(&r, msPerSecond)
		case keyConfirmed:
			rec.Confirmed = r.Bool()
		case keyBanned:
			rec.Banned = r.Bool()
		case keyConversation:
			rec.ConversationID = readConversation(&r)
		case keyAddedMs:
			addedMs = readTime(&r, 1)
		case keyRemovedMs:
			removedMs = readTime(&r, 1)
		default:
			r.Skip()
		}
	}
	if addedMs != 0 {
		rec.Added = addedMs
	}
	if removedMs != 0 {
		rec.Removed = removedMs
	}
	return rec.normal(), r.Err()
}

// readTime reads a time in units of unit milliseconds. Times before the epoch
// have no meaning and become 0.
func readTime(r *msgpack.Reader, unit int64) int64 {
	t := r.Int()
	if t > maxSeconds*msPerSecond/unit {
		r.Fail(fmt.Errorf("time %d is out of range", t))
	}
	if t < 0 || r.Err() != nil {
		return 0
	}
	return t * unit
}

func readConversation(r *msgpack.Reader) string {
	id := r.Blob()
	if !validConversation(string(id)) {
		r.Fail(fmt.Errorf("%q is no conversation id: want up to %d hexadecimal digits", cut(id), maxConversationID))
		return ""
	}
	return string(id)
}

func cut(b []byte) []byte { return b[:min(len(b), maxConversationID)] }

// validConversation reports whether id is empty or hexadecimal.
func validConversation(id string) bool {
	if len(id) > maxConversationID {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
