package identity

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/dht/infohash"
)

// vectorKey opens archive-password.gz in place of its password.
func vectorKey() Secret {
	key, _ := hex.DecodeString("d2746c819fadae2497b7fe4c2b1f061ab82bc28ff370d8cc0d9586cebad53415")
	return Secret{Scheme: SchemeKey, Text: base64.StdEncoding.EncodeToString(key)}
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	out, err := deflate(b, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRealArchives(t *testing.T) {
	plain, locked := testdata(t, "archive-nopassword.gz"), testdata(t, "archive-password.gz")
	for _, c := range []struct {
		name   string
		b      []byte
		secret Secret
		locked bool
	}{
		{"open", plain, Secret{}, false},
		{"open, empty password", plain, Password(""), false},
		{"open, compressed twice", gzipped(t, plain), Secret{}, false},
		{"password", locked, Password("secret"), true},
		{"key", locked, vectorKey(), true},
		{"key, compressed on top", gzipped(t, locked), vectorKey(), true},
	} {
		a, err := OpenArchive(c.b, c.secret)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if a.Account.ID().String() != vectorAccount || a.Account.EthAddress() != vectorEth || a.Account.ca.ID().String() != vectorCA {
			t.Errorf("%s: %v, eth %s", c.name, a.Account, a.Account.EthAddress())
		}
		if a.Locked() != c.locked {
			t.Errorf("%s: locked %v", c.name, a.Locked())
		}
		if key, ok := a.Key(); ok != c.locked || ok && key != vectorKey() {
			t.Errorf("%s: Key gives another key, %v", c.name, ok)
		}
		if len(a.Settings) != 0 || a.Contacts != nil || len(a.others) != 0 {
			t.Errorf("%s: settings %v, contacts %v", c.name, a.Settings, a.Contacts)
		}
	}
}

func TestWrongSecrets(t *testing.T) {
	plain, locked := testdata(t, "archive-nopassword.gz"), testdata(t, "archive-password.gz")
	wrongKey := Secret{SchemeKey, base64.StdEncoding.EncodeToString(make([]byte, archiveKeyLen))}
	damaged := bytes.Clone(locked)
	damaged[len(damaged)/2] ^= 1
	for _, c := range []struct {
		name   string
		b      []byte
		secret Secret
		want   error
	}{
		{"wrong password", locked, Password("Secret"), ErrPassword},
		{"no password", locked, Secret{}, ErrPassword},
		{"no password, compressed on top", gzipped(t, locked), Secret{}, ErrPassword},
		{"wrong key", locked, wrongKey, ErrPassword},
		{"key of another length", locked, Secret{SchemeKey, "AAAA"}, ErrPassword},
		{"key that is no base64", locked, Secret{SchemeKey, "secret"}, ErrPassword},
		{"password for an open one", plain, Password("x"), ErrPassword},
		{"damaged", damaged, vectorKey(), ErrPassword},
		{"nothing", nil, Secret{}, ErrPassword},
		{"nothing, with a key", nil, vectorKey(), ErrArchive},
		{"43 bytes", locked[:43], vectorKey(), ErrArchive},
		{"44 bytes", locked[:44], vectorKey(), ErrPassword},
		{"half of an open one", plain[:len(plain)/2], Secret{}, ErrArchive},
		{"three levels of compression", gzipped(t, gzipped(t, plain)), Secret{}, ErrArchive},
		{"empty JSON", gzipped(t, []byte("{}")), Secret{}, ErrArchive},
		{"half a JSON", gzipped(t, []byte(`{"a":`)), Secret{}, ErrArchive},
		{"too big", make([]byte, MaxArchiveSize+1), Secret{}, ErrArchive},
	} {
		a, err := OpenArchive(c.b, c.secret)
		if a != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := OpenArchive(locked, Secret{"pin", "x"}); err == nil || !strings.Contains(err.Error(), `"pin"`) {
		t.Errorf("unknown scheme: %v", err)
	}
}

func TestBombs(t *testing.T) {
	const limit = 1 << 16
	for _, open := range []func(io.Writer) io.WriteCloser{
		func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	} {
		for size, want := range map[int]error{limit: nil, limit + 1: ErrArchive, 20 * limit: ErrArchive} {
			bomb, err := deflate(make([]byte, size), open)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := inflate(bomb, limit); !errors.Is(err, want) || len(text) > limit {
				t.Errorf("%d bytes: unpacked %d, %v", size, len(text), err)
			}
		}
	}
	// Gzip allows one stream after another: each small, together too large.
	bomb := bytes.Repeat(gzipped(t, make([]byte, limit/2)), 3)
	if _, err := inflate(bomb, limit); !errors.Is(err, ErrArchive) {
		t.Errorf("three streams: %v", err)
	}
}

// TestRealText writes back what was read, and compares it member by member.
func TestRealText(t *testing.T) {
	for _, name := range []string{"archive.json", "pin-export.json"} {
		text := testdata(t, name)
		a, err := parseArchive(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := a.marshal()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, got := make(map[string]any), make(map[string]any)
		if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(again, &got)); err != nil {
			t.Fatal(err)
		}
		for _, member := range deviceMembers {
			delete(want, member)
		}
		if !reflect.DeepEqual(got, want) {
			for k := range want {
				if got[k] != want[k] {
					t.Errorf("%s: %s\n got %.200v\nwant %.200v", name, k, got[k], want[k])
				}
			}
			t.Errorf("%s: %d members, want %d", name, len(got), len(want))
		}
	}
	a, _ := parseArchive(testdata(t, "pin-export.json"))
	if a.Settings["Account.displayName"] != "bob" || a.Settings["TURN.server"] != "turn.jami.net" {
		t.Errorf("settings %v", a.Settings)
	}
}

func fullArchive(t testing.TB) *Archive {
	t.Helper()
	account := *testAccount(t).account
	if err := account.Revoke(testAccount(t).device.chain[0], testTime, &dice{}); err != nil {
		t.Fatal(err)
	}
	a := NewArchive(&account)
	a.Contacts = map[infohash.Hash]ArchivedContact{
		{1}: {Added: 5, Confirmed: true, ConversationID: strings.Repeat("ab", 20)},
		{2}: {Added: 5, Removed: 7, AddedMs: 5001, RemovedMs: 7002, Banned: true},
	}
	a.Settings = map[string]string{"Account.displayName": "A <b> & \"c\" é", "x": ""}
	a.Conversations = json.RawMessage(`{"c":{"created":1}}`)
	a.ConversationRequests = json.RawMessage(`{}`)
	a.others = map[string]json.RawMessage{"number": json.RawMessage(`[1.50,null]`)}
	return a
}

func TestArchiveRoundTrip(t *testing.T) {
	want := fullArchive(t)
	for _, secret := range []Secret{{}, vectorKey()} {
		if err := want.SetSecret(secret, &dice{}); err != nil {
			t.Fatal(err)
		}
		packed, err := want.Seal(&dice{state: 3})
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenArchive(packed, secret)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got.Contacts, want.Contacts) || !maps.Equal(got.Settings, want.Settings) ||
			!bytes.Equal(got.Conversations, want.Conversations) || !bytes.Equal(got.ConversationRequests, want.ConversationRequests) ||
			!bytes.Equal(got.others["number"], want.others["number"]) {
			t.Errorf("read back: %+v", got)
		}
		if !bytes.Equal(got.Account.RevocationList().Raw, want.Account.RevocationList().Raw) ||
			got.Account.EthAddress() != want.Account.EthAddress() || got.Account.ID() != want.Account.ID() {
			t.Error("account differs")
		}
	}
}

// TestContainers closes and opens texts of every kind.
func TestContainers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte("{" + rapid.String().Draw(t, "text"))
		key := rapid.SliceOfN(rapid.Byte(), archiveKeyLen, archiveKeyLen).Draw(t, "key")
		secret := Secret{SchemeKey, base64.StdEncoding.EncodeToString(key)}
		if rapid.Bool().Draw(t, "open") {
			secret = Secret{}
		}
		source := &dice{state: rapid.Uint64().Draw(t, "dice")}
		salt, err := newSalt(source)
		if err != nil {
			t.Fatal(err)
		}
		l, err := newLock(secret, salt)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := l.seal(text, source)
		if err != nil {
			t.Fatal(err)
		}
		got, again, err := openContainer(packed, secret)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("opened %q, %v", got, err)
		}
		if (again == nil) != (l == nil) || l != nil && *again != *l {
			t.Fatal("the lock differs")
		}
	})
}

// TestSealKeepsTheKey writes a locked archive again: key and salt stay, the iv
// does not.
func TestSealKeepsTheKey(t *testing.T) {
	locked := testdata(t, "archive-password.gz")
	a, err := OpenArchive(locked, vectorKey())
	if err != nil {
		t.Fatal(err)
	}
	one, err := a.Seal(&dice{state: 1})
	if err != nil {
		t.Fatal(err)
	}
	two, err := a.Seal(&dice{state: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one[:saltSize], locked[:saltSize]) {
		t.Error("the salt changed, so the password would no longer open it")
	}
	if bytes.Equal(one[saltSize:saltSize+12], two[saltSize:saltSize+12]) {
		t.Error("the iv is the same")
	}
	if _, err := OpenArchive(two, vectorKey()); err != nil {
		t.Error(err)
	}
}

func TestChangeSecret(t *testing.T) {
	change := func(b []byte, from, to Secret) []byte {
		a, err := OpenArchive(b, from)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.SetSecret(to, &dice{}); err != nil {
			t.Fatal(err)
		}
		packed, err := a.Seal(&dice{})
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	locked := change(testdata(t, "archive-nopassword.gz"), Secret{}, Password("new"))
	if _, err := OpenArchive(locked, Secret{}); !errors.Is(err, ErrPassword) {
		t.Errorf("opened without the password: %v", err)
	}
	opened := change(locked, Password("new"), Secret{})
	if a, err := OpenArchive(opened, Secret{}); err != nil || a.Account.ID().String() != vectorAccount {
		t.Errorf("opened: %v", err)
	}
}

func TestSaltIsNoGzip(t *testing.T) {
	bad := append([]byte{0x1f, 0x8b, 0x08}, make([]byte, 13)...)
	salt, err := newSalt(bytes.NewReader(append(bad, bytes.Repeat([]byte{7}, saltSize)...)))
	if err != nil || salt[0] != 7 {
		t.Errorf("salt %x, %v", salt, err)
	}
}

// TestArchiveMembers changes one member of a good archive at a time.
func TestArchiveMembers(t *testing.T) {
	base := make(map[string]json.RawMessage)
	if err := json.Unmarshal(testdata(t, "archive.json"), &base); err != nil {
		t.Fatal(err)
	}
	device, err := json.Marshal(testdata(t, "ring_device.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, member, value string // "" removes
		ok                  bool
	}{
		{"no authority key", memberCAKey, "", true},
		{"null authority key", memberCAKey, "null", true},
		{"no eth key", memberEthKey, "", true},
		{"bad eth key", memberEthKey, `"AAAA"`, true},
		{"no account key", memberAccountKey, "", false},
		{"no chain", memberAccountChain, "", false},
		{"another key", memberAccountKey, string(device), false},
		{"no base64", memberAccountKey, `"?"`, false},
		{"a number", memberAccountKey, `5`, false},
		{"chain that is none", memberAccountChain, `"AAAA"`, false},
		{"list that is none", memberRevoked, `"AAAA"`, false},
		{"contacts", memberContacts, `{"` + vectorAccount + `":{"added":1}}`, true},
		{"contact without an id", memberContacts, `{"x":{"added":1}}`, false},
		{"contacts in a list", memberContacts, `[]`, false},
		{"unknown member", "x", `{"y":[1]}`, true},
	} {
		members := maps.Clone(base)
		if members[c.member] = json.RawMessage(c.value); c.value == "" {
			delete(members, c.member)
		}
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		a, err := parseArchive(text)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrArchive) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.ok && err == nil {
			if _, err := a.marshal(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

func FuzzOpenArchive(f *testing.F) {
	f.Add(testdata(f, "archive-nopassword.gz"), false)
	f.Add(testdata(f, "archive-password.gz"), true)
	f.Add(gzipped(f, testdata(f, "archive-password.gz")), true)
	f.Fuzz(func(t *testing.T, b []byte, locked bool) {
		var secret Secret
		if locked {
			secret = vectorKey()
		}
		_, _ = OpenArchive(b, secret)
	})
}

func FuzzParseArchive(f *testing.F) {
	f.Add(testdata(f, "archive.json"))
	f.Add(testdata(f, "pin-export.json"))
	f.Add([]byte(`{"ringAccountKey":"","ringAccountCert":null,"x":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parseArchive(text)
		if err != nil {
			return
		}
		again, err := a.marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseArchive(again); err != nil {
			t.Fatalf("written again: %v", err)
		}
	})
}
