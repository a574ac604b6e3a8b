package value

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"rollcall/dht/infohash"
)

func TestDecryptVectors(t *testing.T) {
	ids := identityVectors(t)
	opened := 0
	for _, x := range valueVectors(t) {
		if len(x.Cypher) == 0 {
			continue
		}
		opened++
		v := mustParse(t, x.Packed)
		plain, err := DecryptWith(v.Cypher, rsaKey(t, x.To))
		if err != nil || !bytes.Equal(plain, x.Plaintext) {
			t.Errorf("%s: %v, plaintext %x", x.Name, err, plain)
		}
		got, err := Decrypt(v, rsaKey(t, x.To), ids[x.To].ID)
		if err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
		if got.ID != v.ID || !bytes.Equal(got.Data, x.InnerData) || got.Seq != x.InnerSeq || got.Recipient != ids[x.To].ID {
			t.Errorf("%s: %+v", x.Name, got)
		}
		if !bytes.Equal(got.AppendBody(nil), x.InnerToSign) || !bytes.Equal(got.Signature, x.InnerSignature) {
			t.Errorf("%s: body or signature differ", x.Name)
		}
	}
	if opened == 0 {
		t.Fatal("no encrypted vectors")
	}
}

func TestDecryptTrustRequestOfADaemon(t *testing.T) {
	v := mustParse(t, readFile(t, "dht-trustrequest.value"))
	key := parsePrivateKey(t, readFile(t, "dht-trustrequest.key"))
	self, _ := infohash.Parse("427b2ebf239a9b010a49de2c9afe741c4889e15c")
	sender, _ := infohash.Parse("7b1af016361626b41e4605d6be6df086e6cf14a5")
	got, err := Decrypt(v, key.(crypto.Decrypter), self)
	if err != nil {
		t.Fatal(err)
	}
	if got.OwnerID() != sender || got.Type != TypeTrustRequest {
		t.Errorf("from %s, type %d", got.OwnerID(), got.Type)
	}
	request, err := ParseTrustRequest(got.Data)
	if err != nil || request.Service != "cx.ring" || string(request.Payload) != "BEGIN:VCARD" || request.Confirm {
		t.Errorf("%+v, %v", request, err)
	}
}

func TestSealAndDecrypt(t *testing.T) {
	alice, bob := rsaKey(t, "alice"), rsaKey(t, "bob")
	self := identityVectors(t)["bob"].ID
	v := &Value{ID: 5, Type: TypeICE, Data: []byte("data"), UserType: "u", Priority: 1, PushType: "audioCall"}
	sealed, err := Seal(v, alice, &bob.PublicKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if v.Signed() || sealed.Type != 0 || sealed.Data != nil || sealed.Signed() {
		t.Errorf("sealed %+v of %+v", sealed, v)
	}
	got, err := Decrypt(mustParse(t, sealed.Append(nil)), bob, self)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != 5 || got.Type != TypeICE || string(got.Data) != "data" || got.UserType != "u" || got.Priority != 1 || got.PushType != "audioCall" {
		t.Errorf("got %+v", got)
	}
	if got.OwnerID() != identityVectors(t)["alice"].ID || got.Recipient != self {
		t.Errorf("from %s to %s", got.OwnerID(), got.Recipient)
	}
}

func TestEncryptWantsASignatureForTheRecipient(t *testing.T) {
	alice, bob := rsaKey(t, "alice"), rsaKey(t, "bob")
	v := &Value{ID: 5, Data: []byte("data")}
	if _, err := Encrypt(v, &bob.PublicKey, rand.Reader); !errors.Is(err, ErrNotSigned) {
		t.Errorf("unsigned: %v", err)
	}
	if err := Sign(v, alice); err != nil {
		t.Fatal(err)
	}
	if _, err := Encrypt(v, &bob.PublicKey, rand.Reader); !errors.Is(err, ErrRecipient) {
		t.Errorf("without recipient: %v", err)
	}
	if _, err := Encrypt(&Value{Cypher: []byte{1}}, &bob.PublicKey, rand.Reader); !errors.Is(err, ErrEncrypted) {
		t.Errorf("encrypted twice: %v", err)
	}
}

func TestDecryptRefuses(t *testing.T) {
	alice, bob := rsaKey(t, "alice"), rsaKey(t, "bob")
	ids := identityVectors(t)
	self := ids["bob"].ID
	seal := func(content []byte) *Value {
		cypher, err := EncryptTo(content, &bob.PublicKey, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return &Value{ID: 5, Cypher: cypher}
	}
	signed := func(recipient infohash.Hash) *Value {
		v := &Value{Data: []byte("data"), Recipient: recipient}
		if err := Sign(v, alice); err != nil {
			t.Fatal(err)
		}
		return v
	}
	forged := signed(self)
	forged.Data = []byte("other")
	tampered := seal(signed(self).appendContent(nil))
	tampered.Cypher[300] ^= 1
	badKey := seal(signed(self).appendContent(nil))
	badKey.Cypher[255] ^= 1
	nested := bin(seal(signed(self).appendContent(nil)).Cypher)
	cases := map[string]*Value{
		"another recipient":   seal(signed(ids["alice"].ID).appendContent(nil)),
		"no recipient":        seal(signed(infohash.Hash{}).appendContent(nil)),
		"no owner":            seal((&Value{Data: make([]byte, 300)}).appendContent(nil)),
		"bad signature":       seal(forged.appendContent(nil)),
		"no value":            seal([]byte("text")),
		"a cypher inside":     seal(nested),
		"for another key":     signedFor(t, "carol4096"),
		"short":               {Cypher: make([]byte, 255)},
		"zeros":               {Cypher: make([]byte, 256)},
		"no room for a nonce": {Cypher: make([]byte, 256+27)},
		"tampered ciphertext": tampered,
		"tampered key":        badKey,
	}
	for name, v := range cases {
		if got, err := Decrypt(v, bob, self); err != ErrDecrypt || got != nil { // exactly: no detail to leak
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := Decrypt(&Value{}, bob, self); err == nil || errors.Is(err, ErrDecrypt) {
		t.Errorf("plain value: %v", err)
	}
}

func signedFor(t *testing.T, name string) *Value {
	t.Helper()
	v, err := Seal(&Value{Data: []byte("d")}, signer(t, "alice"), &rsaKey(t, name).PublicKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// cryptoVector is one entry of testdata/crypto.json.
type cryptoVector struct {
	To       string
	Plain    hexBytes `json:"plain_hex"`
	Cipher   hexBytes `json:"cipher_hex"`
	Key      hexBytes `json:"key_hex"`
	Salt     hexBytes `json:"salt_hex"`
	Password string
	Length   int `json:"key_length"`
}

func cryptoVectorOf(t *testing.T, name string) cryptoVector {
	t.Helper()
	var x cryptoVector
	if err := json.Unmarshal(readJSON[map[string]json.RawMessage](t, "crypto.json")[name], &x); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return x
}

func TestPublicKeyEncryptionVectors(t *testing.T) {
	for _, name := range []string{"rsa_small", "rsa_max_245", "hybrid_246"} {
		x := cryptoVectorOf(t, name)
		key := rsaKey(t, x.To)
		if plain, err := DecryptWith(x.Cipher, key); err != nil || !bytes.Equal(plain, x.Plain) {
			t.Errorf("%s: %x, %v", name, plain, err)
		}
		cypher, err := EncryptTo(x.Plain, &key.PublicKey, rand.Reader)
		if err != nil || len(cypher) != len(x.Cipher) {
			t.Fatalf("%s: encrypted to %d bytes, want %d; %v", name, len(cypher), len(x.Cipher), err)
		}
		if plain, err := DecryptWith(cypher, key); err != nil || !bytes.Equal(plain, x.Plain) {
			t.Errorf("%s again: %x, %v", name, plain, err)
		}
	}
}

func TestAESVectors(t *testing.T) {
	for _, name := range []string{"aes_key", "aes_key128"} {
		x := cryptoVectorOf(t, name)
		if plain, err := DecryptAES(x.Cipher, x.Key); err != nil || !bytes.Equal(plain, x.Plain) {
			t.Errorf("%s: %x, %v", name, plain, err)
		}
		cypher, err := EncryptAES(x.Plain, x.Key, rand.Reader)
		if err != nil || len(cypher) != len(x.Cipher) {
			t.Fatalf("%s: %d bytes, %v", name, len(cypher), err)
		}
		cypher[len(cypher)-1] ^= 1
		if _, err := DecryptAES(cypher, x.Key); !errors.Is(err, ErrDecrypt) {
			t.Errorf("%s, tampered: %v", name, err)
		}
	}
	if _, err := EncryptAES(nil, make([]byte, 15), rand.Reader); err == nil {
		t.Error("took a key of 15 bytes")
	}
}

func TestPasswordVectors(t *testing.T) {
	x := cryptoVectorOf(t, "aes_password")
	if plain, err := DecryptPassword(x.Cipher, x.Password); err != nil || !bytes.Equal(plain, x.Plain) {
		t.Errorf("%x, %v", plain, err)
	}
	if _, err := DecryptPassword(make([]byte, saltSize+aesOverhead-1), ""); !errors.Is(err, ErrDecrypt) {
		t.Errorf("too short: %v", err)
	}
}

// The vectors stretch one password with one salt, to several lengths.
func TestStretchVectors(t *testing.T) {
	first := cryptoVectorOf(t, "stretch_16")
	key := stretch(first.Password, first.Salt)
	for _, name := range []string{"stretch_16", "stretch_20", "stretch_32", "stretch_64"} {
		x := cryptoVectorOf(t, name)
		if x.Password != first.Password || !bytes.Equal(x.Salt, first.Salt) {
			t.Fatalf("%s stretches something else", name)
		}
		if got := shorten(key, x.Length); !bytes.Equal(got, x.Key) {
			t.Errorf("%s: %x", name, got)
		}
	}
}

// Peers write a public key as the PEM form of what stands in the owner of a value, some
// with a NUL at the end.
func TestPublicKeyTextVector(t *testing.T) {
	var text string
	if err := json.Unmarshal(readJSON[map[string]json.RawMessage](t, "crypto.json")["pk_toString_bob"], &text); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM")
	}
	key, err := ParsePublicKey(block.Bytes)
	if err != nil || !key.Equal(&rsaKey(t, "bob").PublicKey) {
		t.Fatalf("another key, or %v", err)
	}
	spki, err := MarshalPublicKey(key)
	if err != nil || !bytes.Equal(spki, identityVectors(t)["bob"].SPKI) {
		t.Errorf("packed as %x, %v", spki, err)
	}
	if got := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}); string(got) != strings.TrimRight(text, "\x00") {
		t.Errorf("written as %s", got)
	}
}

func FuzzDecryptedContent(f *testing.F) {
	for _, x := range valueVectors(f) {
		f.Add([]byte(x.Plaintext))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v Value
		if v.unpackContent(b) != nil {
			return
		}
		if v.Encrypted() {
			t.Fatal("a cypher inside of a cypher")
		}
		var again Value
		if err := again.unpackContent(v.appendContent(nil)); err != nil || !again.Equal(&v) {
			t.Fatalf("%+v came back as %+v: %v", v, again, err)
		}
	})
}
