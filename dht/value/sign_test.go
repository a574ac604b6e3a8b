package value

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"math/big"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestSignReproducesVectors(t *testing.T) {
	for _, name := range []string{"signed_alice", "signed_to_bob"} {
		x, want := vector(t, name)
		v := *want
		v.Owner, v.Signature = nil, nil
		if err := Sign(&v, signer(t, "alice")); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(v.Append(nil), x.Packed) {
			t.Errorf("%s: signed value differs from the vector", name)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	ec := signer(t, "dave_ec")
	v := &Value{ID: 1, Data: []byte("d")}
	if err := Sign(v, ec); !errors.Is(err, ErrNotRSA) || v.Signed() {
		t.Errorf("EC key: %v, %+v", err, v)
	}
	if err := Sign(&Value{Cypher: []byte{1}}, signer(t, "alice")); !errors.Is(err, ErrEncrypted) {
		t.Errorf("encrypted value: %v", err)
	}
}

func TestVerifyVectors(t *testing.T) {
	verifier := NewVerifier(0)
	for _, x := range valueVectors(t) {
		v := mustParse(t, x.Packed)
		var want error
		if !v.Signed() {
			want = ErrNotSigned
		}
		if err := Verify(v); !errors.Is(err, want) {
			t.Errorf("%s: %v", x.Name, err)
		}
		if err := verifier.Verify(v); !errors.Is(err, want) {
			t.Errorf("%s: verifier: %v", x.Name, err)
		}
	}
	announcement := mustParse(t, readFile(t, "dht-announcement.value"))
	if err := Verify(announcement); err != nil {
		t.Errorf("announcement of a device: %v", err)
	}
}

func TestVerifyCryptoVectors(t *testing.T) {
	vectors := readJSON[map[string]json.RawMessage](t, "crypto.json")
	for name, owner := range map[string]string{"sig_alice": "alice", "sig_carol4096": "carol4096", "sig_dave_ec": "dave_ec"} {
		var x struct {
			Data      hexBytes `json:"data_hex"`
			Signature hexBytes `json:"signature_hex"`
			Accepted  bool     `json:"library_accepts"`
		}
		if err := json.Unmarshal(vectors[name], &x); err != nil {
			t.Fatal(err)
		}
		pub, err := ParsePublicKey(identityVectors(t)[owner].SPKI)
		if !x.Accepted {
			if !errors.Is(err, ErrNotRSA) {
				t.Errorf("%s: key: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := newPublicKey(pub).verify(x.Data, x.Signature); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyNoticesEveryChange(t *testing.T) {
	_, v := vector(t, "signed_to_bob")
	bob := hexBytes(identityVectors(t)["bob"].SPKI)
	changes := map[string]func(*Value){
		"seq":                 func(v *Value) { v.Seq++ },
		"type":                func(v *Value) { v.Type++ },
		"data":                func(v *Value) { v.Data = append(v.Data, 0) },
		"user type":           func(v *Value) { v.UserType = "" },
		"recipient":           func(v *Value) { v.Recipient[19] ^= 1 },
		"owner":               func(v *Value) { v.Owner = bob },
		"signature":           func(v *Value) { v.Signature[len(v.Signature)-1] ^= 1 },
		"no signature":        func(v *Value) { v.Signature = nil },
		"shorter signature":   func(v *Value) { v.Signature = v.Signature[1:] },
		"signature and zeros": func(v *Value) { v.Signature = append([]byte{0}, v.Signature...) },
	}
	verifier := NewVerifier(0)
	for name, change := range changes {
		c := v.Clone()
		change(c)
		if err := Verify(c); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %v", name, err)
		}
		if err := verifier.Verify(v); err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(c); !errors.Is(err, ErrBadSignature) || verifier.Known(c) {
			t.Errorf("%s: verifier: %v, known %v", name, err, verifier.Known(c))
		}
	}
	v.ID, v.Priority, v.PushType = 9, 1, "x" // not covered
	if err := Verify(v); err != nil {
		t.Error(err)
	}
}

// openTo makes a signature that opens to em.
func openTo(key *rsa.PrivateKey, em []byte) []byte {
	m := new(big.Int).SetBytes(em)
	return m.Exp(m, key.D, key.N).FillBytes(make([]byte, key.Size()))
}

func TestVerifyAcceptsOnePaddingOnly(t *testing.T) {
	key := rsaKey(t, "alice")
	pub := newPublicKey(&key.PublicKey)
	body := []byte("body")
	digest := sha512.Sum512(body)
	em := padded(key.Size(), digest[:])
	if err := pub.verify(body, openTo(key, em)); err != nil {
		t.Fatalf("the padding that the cases below vary: %v", err)
	}
	info := digestInfoSHA512 + string(digest[:])
	head := bytes.Repeat([]byte{0xff}, key.Size())
	head[0], head[1] = 0, 1
	wrong := map[string][]byte{
		"bytes after the digest": append(append(append([]byte(nil), head[:key.Size()-len(info)-9]...), "\x00"+info...), "garbage!"...),
		"short padding":          append([]byte("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\x00"+info), make([]byte, key.Size()-11-len(info))...),
		"block type 2":           append([]byte{0, 2}, em[2:]...),
		"no separator":           bytes.Replace(em, []byte("\xff\x000"), []byte("\xff\xff0"), 1),
		"without parameters":     append(append(append([]byte(nil), head[:key.Size()-len(info)+1]...), 0), "\x30\x4f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x04\x40"+string(digest[:])...),
		"another digest":         padded(key.Size(), make([]byte, len(digest))),
	}
	for name, em := range wrong {
		if len(em) != key.Size() {
			t.Fatalf("%s: %d bytes", name, len(em))
		}
		if err := pub.verify(body, openTo(key, em)); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	over := new(big.Int).SetBytes(openTo(key, em))
	over.Add(over, key.N)
	if over.BitLen() <= 8*key.Size() {
		if err := pub.verify(body, over.FillBytes(make([]byte, key.Size()))); !errors.Is(err, ErrBadSignature) {
			t.Errorf("signature over the modulus: %v", err)
		}
	}
}

// TestVerifyAgreesWithStandardLibrary compares with crypto/rsa for keys of
// every shape that the arithmetic tells apart.
func TestVerifyAgreesWithStandardLibrary(t *testing.T) {
	keys := []*rsa.PrivateKey{rsaKey(t, "alice"), rsaKey(t, "carol4096")}
	for _, bits := range []int{1024, 1032, 1096, 1536} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	body := []byte("body")
	digest := sha512.Sum512(body)
	for _, key := range keys {
		valid, err := key.Sign(nil, digest[:], crypto.SHA512)
		if err != nil {
			t.Fatal(err)
		}
		pub := newPublicKey(&key.PublicKey)
		if err := pub.verify(body, valid); err != nil {
			t.Fatalf("%d bits: %v", key.N.BitLen(), err)
		}
		rapid.Check(t, func(t *rapid.T) {
			sig := bytes.Clone(valid)
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				sig[rapid.IntRange(0, len(sig)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "mask")
			}
			want := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA512, digest[:], sig) == nil
			if got := pub.verify(body, sig) == nil; got != want {
				t.Fatalf("%d bits: valid %v, want %v", key.N.BitLen(), got, want)
			}
		})
	}
}

func TestVerifierForgetsTheOldest(t *testing.T) {
	key := signer(t, "alice")
	verifier := NewVerifier(2)
	values := make([]*Value, 3)
	for i := range values {
		values[i] = &Value{Data: []byte{byte(i)}}
		if err := Sign(values[i], key); err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(values[i]); err != nil {
			t.Fatal(err)
		}
	}
	if verifier.Known(values[0]) || !verifier.Known(values[1]) || !verifier.Known(values[2]) {
		t.Error("remembers the wrong values")
	}
	if verifier.Known(&Value{}) {
		t.Error("knows a value that is not signed")
	}
}

func TestVerifierServesSeveralGoroutines(t *testing.T) {
	_, a := vector(t, "signed_alice")
	b := mustParse(t, readFile(t, "dht-announcement.value"))
	verifier := NewVerifier(1)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				if verifier.Verify(a) != nil || verifier.Verify(b) != nil {
					t.Error("valid signature refused")
				}
			}
		})
	}
	wg.Wait()
}

func TestRepeatedVerificationHardlyAllocates(t *testing.T) {
	_, v := vector(t, "signed_alice")
	verifier := NewVerifier(0)
	// One, instead of the dozens of a verification, lets the pool of buffers lose
	// one: it does so at random under the race detector.
	if n := testing.AllocsPerRun(100, func() {
		if verifier.Verify(v) != nil {
			t.Fatal("refused")
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestRecentHoldsTheLatest(t *testing.T) {
	const limit = 4
	rapid.Check(t, func(t *rapid.T) {
		var cache recent[int, int]
		var order []int // least recently used first
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := rapid.IntRange(0, 9).Draw(t, "key")
			at := -1
			for j, k := range order {
				if k == key {
					at = j
				}
			}
			_, found := cache.get(key)
			if found != (at >= 0) {
				t.Fatalf("step %d: key %d found %v, order %v", i, key, found, order)
			}
			if found {
				order = append(append(order[:at:at], order[at+1:]...), key)
			}
			if !rapid.Bool().Draw(t, "put") {
				continue
			}
			cache.put(key, i, limit)
			if got, _ := cache.get(key); got != i {
				t.Fatalf("step %d: got %d", i, got)
			}
			if !found {
				order = append(order, key)
				order = order[max(0, len(order)-limit):]
			}
		}
	})
}

func TestMarshalPublicKeyGivesTheOwnersOfVectors(t *testing.T) {
	for name, id := range identityVectors(t) {
		pub, err := ParsePublicKey(id.SPKI)
		if name == "dave_ec" {
			if !errors.Is(err, ErrNotRSA) {
				t.Errorf("EC key: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		spki, err := MarshalPublicKey(pub)
		if err != nil || !bytes.Equal(spki, id.SPKI) {
			t.Errorf("%s: %v, %x", name, err, spki)
		}
	}
}

func TestPublicKeyLimits(t *testing.T) {
	n := func(bits uint) *big.Int { return new(big.Int).SetBit(big.NewInt(1), int(bits-1), 1) }
	tests := []struct {
		name string
		pub  rsa.PublicKey
		ok   bool
	}{
		{"smallest", rsa.PublicKey{N: n(1024), E: 3}, true},
		{"largest", rsa.PublicKey{N: n(8192), E: 1<<31 - 1}, true},
		{"too small", rsa.PublicKey{N: n(1023), E: 3}, false},
		{"too large", rsa.PublicKey{N: n(8193), E: 3}, false},
		{"even modulus", rsa.PublicKey{N: new(big.Int).Sub(n(1024), big.NewInt(1)), E: 3}, false},
		{"exponent 1", rsa.PublicKey{N: n(1024), E: 1}, false},
		{"even exponent", rsa.PublicKey{N: n(1024), E: 4}, false},
		{"no modulus", rsa.PublicKey{E: 3}, false},
	}
	for _, tt := range tests {
		spki, err := MarshalPublicKey(&tt.pub)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrBadKey) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil {
			continue
		}
		if pub, err := ParsePublicKey(spki); err != nil || !pub.Equal(&tt.pub) {
			t.Errorf("%s: parsed %v, %v", tt.name, pub, err)
		}
	}
	long := bytes.Replace(identityVectors(t)["bob"].SPKI, []byte{2, 3, 1, 0, 1}, []byte{2, 3, 0xff, 0, 1}, 1)
	if _, err := ParsePublicKey(long); !errors.Is(err, ErrBadKey) {
		t.Errorf("negative exponent: %v", err)
	}
}

func TestKeyIDs(t *testing.T) {
	for name, id := range identityVectors(t) {
		short, long := CertificateKeys(id.SPKI)
		if KeyID(id.SPKI) != id.ID || KeyLongID(id.SPKI).String() != id.LongID {
			t.Errorf("%s: ids %s, %s", name, KeyID(id.SPKI), KeyLongID(id.SPKI))
		}
		if short != id.Key2 || long != id.Key4 {
			t.Errorf("%s: certificate keys %s, %s", name, short, long)
		}
		if NodeID(id.ID) != id.NodeID {
			t.Errorf("%s: node id %s", name, NodeID(id.ID))
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	for _, id := range identityVectors(f) {
		f.Add([]byte(id.SPKI))
	}
	f.Add(smallKey(1))
	f.Fuzz(func(t *testing.T, b []byte) {
		pub, err := ParsePublicKey(b)
		if err != nil {
			if !errors.Is(err, ErrBadKey) && !errors.Is(err, ErrNotRSA) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		if !wellFormedSPKI(b) {
			t.Fatal("parsed a key that a value would be refused for")
		}
		if _, err := MarshalPublicKey(pub); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, name := range []string{"alice", "carol4096"} {
		key := rsaKey(b, name)
		v := &Value{ID: 1, Data: make([]byte, 600)}
		if err := Sign(v, key); err != nil {
			b.Fatal(err)
		}
		bits := key.N.BitLen()
		name := map[int]string{2048: "2048", 4096: "4096"}[bits]
		b.Run(name+"/new", func(b *testing.B) {
			pub := newPublicKey(&key.PublicKey)
			for b.Loop() {
				if err := pub.verify(v.AppendBody(nil), v.Signature); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/stdlib", func(b *testing.B) {
			for b.Loop() {
				digest := sha512.Sum512(v.AppendBody(nil))
				if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA512, digest[:], v.Signature); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/repeated", func(b *testing.B) {
			verifier := NewVerifier(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := verifier.Verify(v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
