package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
	"rollcall/store"
)

// What a contact list wants saved is on the disk when Apply returns, and the list
// goes on from there in another life.
func Example() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "state.db")
	alice, bob := infohash.SumString("alice"), infohash.SumString("bob")
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Now()

	state, err := store.OpenState(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	list := contact.New(now, alice, contact.Snapshot{}, rng)
	if _, err := list.Add(now, bob); err != nil {
		fmt.Println(err)
	}
	if err := state.Apply(now.UnixMilli(), list.Effects(nil)); err != nil {
		fmt.Println(err)
	}
	if err := state.Close(); err != nil {
		fmt.Println(err)
	}

	if state, err = store.OpenState(name); err != nil {
		fmt.Println(err)
		return
	}
	defer state.Close()
	stored, err := state.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	list = contact.New(now, alice, stored, rng)
	for _, entry := range list.Contacts() {
		fmt.Println(entry.Peer == bob, entry.Record.Active())
	}
	// Output:
	// true true
}
