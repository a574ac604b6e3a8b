package contact_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"time"

	"rollcall/contact"
	"rollcall/dht/infohash"
)

// person is a contact list with the device that it is on.
type person struct {
	*contact.List
	account, device infohash.Hash
}

func newPerson(name string, now time.Time) person {
	account := infohash.SumString(name)
	list := contact.New(now, account, contact.Snapshot{}, rand.New(rand.NewPCG(1, 2)))
	return person{list, account, infohash.SumString(name + "'s phone")}
}

// deliver is the network between two people: what one puts, the other receives.
func deliver(now time.Time, from, to person) {
	from.DeviceUp(now, to.account, to.device)
	for _, effect := range from.Effects(nil) {
		if put, ok := effect.(contact.Put); ok {
			m := put.Message
			m.From, m.Device, m.DeviceKey = from.account, from.device, []byte("its key")
			fmt.Println("received:", to.Receive(now, m))
			from.PutDone(now, put.Ref, true)
		}
	}
}

// Alice asks Bob to be a contact, and Bob accepts.
func ExampleList() {
	now := time.Now()
	alice, bob := newPerson("alice", now), newPerson("bob", now)
	if err := alice.Send(now, bob.account, []byte("BEGIN:VCARD…")); err != nil {
		log.Fatal(err)
	}
	deliver(now, alice, bob)
	fmt.Println("waiting for bob:", len(bob.Requests()))
	if _, err := bob.Accept(now, alice.account); err != nil {
		log.Fatal(err)
	}
	deliver(now, bob, alice)
	c, _ := alice.Contact(bob.account)
	fmt.Println("confirmed:", c.Confirmed)
	// Output:
	// received: pending
	// waiting for bob: 1
	// received: confirmed
	// confirmed: true
}
