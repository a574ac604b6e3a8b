package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"rollcall/dht/infohash"
)

// Members of the archive's JSON object (account spec 3.2). Every other member
// is an account setting.
const (
	memberCAKey        = "ringCaKey"
	memberAccountKey   = "ringAccountKey"
	memberAccountChain = "ringAccountCert"
	memberEthKey       = "ethKey"
	memberRevoked      = "ringAccountCRL"
	memberContacts     = "ringAccountContacts"
	memberConvs        = "conversations"
	memberConvRequests = "conversationsRequests"
)

// deviceMembers are settings that hold files of the device that wrote the
// archive. Readers pass over them: they are nobody else's business.
var deviceMembers = []string{"TLS.certificateListFile", "TLS.certificateFile", "TLS.privateKeyFile"}

// Archive is an account with what travels along with it from device to device.
// It is what users save and import. It is not safe for concurrent use.
type Archive struct {
	Account  *Account
	Contacts map[infohash.Hash]ArchivedContact // by account id
	Settings map[string]string                 // by the names that clients use

	// Conversations and ConversationRequests are JSON objects, nil when absent,
	// which are kept as they are.
	Conversations, ConversationRequests json.RawMessage

	others map[string]json.RawMessage // members of unknown form, kept as they are
	lock   *lock
}

// ArchivedContact is a contact as an archive has it; see contacts spec 1. Times
// are seconds since 1970, in the fields named so milliseconds; 0 is never.
type ArchivedContact struct {
	Added          int64  `json:"added"`
	Removed        int64  `json:"removed,omitempty"`
	AddedMs        int64  `json:"addedMs,omitempty"`
	RemovedMs      int64  `json:"removedMs,omitempty"`
	Confirmed      bool   `json:"confirmed,omitempty"`
	Banned         bool   `json:"banned,omitempty"`
	ConversationID string `json:"conversationId"`
}

// NewArchive returns an archive of account, without a password.
func NewArchive(account *Account) *Archive { return &Archive{Account: account} }

// OpenArchive reads an archive of at most MaxArchiveSize bytes, packed as well
// as unpacked. A password costs a second and 64 MiB: open one archive at a
// time. The error wraps ErrPassword when s is not the secret of the archive,
// else ErrArchive. The certificates' dates are not looked at: an account whose
// life is over can still be renewed.
func OpenArchive(b []byte, s Secret) (*Archive, error) {
	text, lock, err := openContainer(b, s)
	if err != nil {
		return nil, err
	}
	a, err := parseArchive(text)
	if err != nil {
		return nil, err
	}
	a.lock = lock
	return a, nil
}

// Locked reports whether the archive has a password or key.
func (a *Archive) Locked() bool { return a.lock != nil }

// Key returns what opens the archive as a [SchemeKey] secret, in place of the
// password; ok is false for an archive that is not locked. It holds until the
// secret is changed.
func (a *Archive) Key() (s Secret, ok bool) {
	if a.lock == nil {
		return Secret{}, false
	}
	return Secret{Scheme: SchemeKey, Text: base64.StdEncoding.EncodeToString(a.lock.key[:])}, true
}

// SetSecret changes how Seal locks the archive. The zero Secret leaves it open.
func (a *Archive) SetSecret(s Secret, rand io.Reader) error {
	salt, err := newSalt(rand)
	if err != nil {
		return err
	}
	lock, err := newLock(s, salt)
	if err != nil {
		return err
	}
	a.lock = lock
	return nil
}

// Seal returns the archive as it is stored, under the secret with which it was
// opened or which was set since. That costs no stretching of the password.
func (a *Archive) Seal(rand io.Reader) ([]byte, error) {
	text, err := a.marshal()
	if err != nil {
		return nil, err
	}
	return a.lock.seal(text, rand)
}

func parseArchive(text []byte) (*Archive, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	account, err := parseAccount(members)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	a := &Archive{Account: account, Settings: make(map[string]string), others: members}
	for _, name := range deviceMembers {
		delete(members, name)
	}
	if raw, ok := take(members, memberContacts); ok {
		if err := json.Unmarshal(raw, &a.Contacts); err != nil {
			return nil, fmt.Errorf("%w: member %s: %w", ErrArchive, memberContacts, err)
		}
	}
	a.Conversations, _ = take(members, memberConvs)
	a.ConversationRequests, _ = take(members, memberConvRequests)
	for name, raw := range members {
		var setting string
		if raw[0] == '"' && json.Unmarshal(raw, &setting) == nil {
			a.Settings[name] = setting
			delete(members, name)
		}
	}
	return a, nil
}

func take(members map[string]json.RawMessage, name string) (json.RawMessage, bool) {
	raw, ok := members[name]
	delete(members, name)
	if bytes.Equal(raw, []byte("null")) {
		return nil, false
	}
	return raw, ok
}

// takeBytes returns the content of a base64 member, nil when it is absent.
func takeBytes(members map[string]json.RawMessage, name string) ([]byte, error) {
	raw, ok := take(members, name)
	if !ok {
		return nil, nil
	}
	var content []byte
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("member %s: want base64: %w", name, err)
	}
	return content, nil
}

// parseAccount takes the members of the account out of members.
func parseAccount(members map[string]json.RawMessage) (*Account, error) {
	var caKey, key, chain, eth, revoked []byte
	for _, m := range []struct {
		name string
		to   *[]byte
	}{
		{memberCAKey, &caKey},
		{memberAccountKey, &key},
		{memberAccountChain, &chain},
		{memberEthKey, &eth},
		{memberRevoked, &revoked},
	} {
		var err error
		if *m.to, err = takeBytes(members, m.name); err != nil {
			return nil, err
		}
	}
	if key == nil || chain == nil {
		return nil, fmt.Errorf("want the members %s and %s", memberAccountKey, memberAccountChain)
	}
	a := new(Account)
	var err error
	if a.key, err = ParseKey(key); err != nil {
		return nil, fmt.Errorf("member %s: %w", memberAccountKey, err)
	}
	if a.chain, err = ParseChain(chain); err != nil {
		return nil, fmt.Errorf("member %s: %w", memberAccountChain, err)
	}
	if a.chain[0].ID() != a.key.ID() {
		return nil, errKeyMismatch
	}
	if len(caKey) > 0 {
		if a.ca, err = ParseKey(caKey); err != nil {
			return nil, fmt.Errorf("member %s: %w", memberCAKey, err)
		}
	}
	// Peers make do without an eth key, so a bad one must not cost the account.
	if validEthKey(eth) {
		a.eth = eth
	}
	if len(revoked) > 0 {
		if a.revoked, err = ParseRevocationList(revoked, a.chain[0]); err != nil {
			return nil, fmt.Errorf("member %s: %w", memberRevoked, err)
		}
	}
	return a, nil
}

// marshal returns the JSON text of the archive.
func (a *Archive) marshal() ([]byte, error) {
	members := make(map[string]any, len(a.others)+len(a.Settings)+8)
	for name, raw := range a.others {
		members[name] = raw
	}
	for name, setting := range a.Settings {
		members[name] = setting
	}
	if len(a.Contacts) > 0 {
		members[memberContacts] = a.Contacts
	}
	if a.Conversations != nil {
		members[memberConvs] = a.Conversations
	}
	if a.ConversationRequests != nil {
		members[memberConvRequests] = a.ConversationRequests
	}
	if err := a.Account.marshal(members); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(members); err != nil {
		return nil, fmt.Errorf("identity: cannot encode the archive: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// marshal adds the members of the account; encoding/json writes byte slices in
// the base64 that archives have.
func (a *Account) marshal(members map[string]any) error {
	key, err := a.key.MarshalPEM()
	if err != nil {
		return err
	}
	members[memberAccountKey] = key
	members[memberAccountChain] = a.chain.AppendPEM(nil)
	if a.ca != nil {
		ca, err := a.ca.MarshalPEM()
		if err != nil {
			return err
		}
		members[memberCAKey] = ca
	}
	if a.eth != nil {
		members[memberEthKey] = a.eth
	}
	if a.revoked != nil {
		members[memberRevoked] = a.revoked.Raw
	}
	return nil
}
