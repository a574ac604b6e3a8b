package value_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log"

	"rollcall/dht/value"
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

// A signed value travels in its packed form; whoever reads it checks that the
// owner signed it, and then who the owner is.
func ExampleSign() {
	key := newKey()
	v := &value.Value{ID: 1, Data: []byte("back at noon"), UserType: "text/plain"}
	if err := value.Sign(v, key); err != nil {
		log.Fatal(err)
	}

	got, err := value.Parse(v.Append(nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, signed: %v\n", got.Data, value.Verify(got) == nil)

	got.Data = []byte("back at one")
	fmt.Println("changed:", errors.Is(value.Verify(got), value.ErrBadSignature))
	// Output:
	// back at noon, signed: true
	// changed: true
}

// Seal signs a value and encrypts it for the owner of a key; Decrypt gives it back
// to that owner, with the sender's signature checked.
func ExampleSeal() {
	alice, bob := newKey(), newKey()
	sealed, err := value.Seal(&value.Value{ID: 1, Data: []byte("the usual place")}, alice, &bob.PublicKey, rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("readable on the way:", len(sealed.Data) > 0)

	spki, err := value.MarshalPublicKey(&bob.PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	got, err := value.Decrypt(sealed, bob, value.KeyID(spki))
	if err != nil {
		log.Fatal(err)
	}
	sender, err := value.MarshalPublicKey(&alice.PublicKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, from alice: %v\n", got.Data, got.OwnerID() == value.KeyID(sender))
	// Output:
	// readable on the way: false
	// the usual place, from alice: true
}

// The text form of queries is that of the network's command-line tools.
func ExampleParseQueryText() {
	q, err := value.ParseQueryText(`SELECT id WHERE value_type=0,user_type="text/plain"`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(q.Match(&value.Value{ID: 1, UserType: "text/plain"}))
	fmt.Println(q.Match(&value.Value{ID: 2, UserType: "image/png"}))
	// Output:
	// true
	// false
}
