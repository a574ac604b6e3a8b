package dht_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log"
	"net/netip"
	"time"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
)

// twoNodes opens a network of two nodes on this machine.
func twoNodes(ctx context.Context) (a, b *dht.Node) {
	local := netip.MustParseAddr("127.0.0.1")
	a, err := dht.Open(ctx, dht.Config{Bind4: local, NoIPv6: true})
	if err != nil {
		log.Fatal(err)
	}
	b, err = dht.Open(ctx, dht.Config{
		Bind4: local, NoIPv6: true,
		Bootstrap: []string{fmt.Sprintf("127.0.0.1:%d", a.Port())},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := b.WaitConnected(ctx); err != nil {
		log.Fatal(err)
	}
	return a, b
}

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	a, b := twoNodes(ctx)
	defer a.Close()
	defer b.Close()

	key := infohash.SumString("greeting")
	if _, err := b.Put(ctx, key, &value.Value{Data: []byte("hello, world")}); err != nil {
		log.Fatal(err)
	}
	for v, err := range a.Get(ctx, key, dht.Lookup{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", v.Data)
	}
	// Output: hello, world
}

func ExampleNode_Listen() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	a, b := twoNodes(ctx)
	defer a.Close()
	defer b.Close()

	// A value whose life began long ago is over soon.
	room := infohash.SumString("room: lobby")
	almostOver := time.Now().Add(5*time.Second - value.DefaultLife)
	if _, err := a.PutSince(ctx, room, &value.Value{Data: []byte("anybody here?")}, almostOver); err != nil {
		log.Fatal(err)
	}
	for event, err := range b.Listen(ctx, room, dht.Lookup{}) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Expired {
			fmt.Printf("gone: %s\n", event.Value.Data)
			break
		}
		fmt.Printf("new: %s\n", event.Value.Data)
	}
	// Output:
	// new: anybody here?
	// gone: anybody here?
}

func ExampleNode_ListenFunc() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	a, b := twoNodes(ctx)
	defer a.Close()
	defer b.Close()

	// However many rooms there are, none needs a goroutine of its own.
	messages := make(chan string)
	for _, room := range []string{"lobby", "kitchen", "roof"} {
		listener := b.ListenFunc(infohash.SumString("room: "+room), dht.Lookup{}, func(e dht.Event, err error) {
			if err == nil && !e.Expired {
				messages <- fmt.Sprintf("%s: %s", room, e.Value.Data)
			}
		})
		defer listener.Stop()
	}
	if _, err := a.Put(ctx, infohash.SumString("room: roof"), &value.Value{Data: []byte("what a view")}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-messages)
	// Output: roof: what a view
}

func ExampleNode_PutSigned() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	a, b := twoNodes(ctx)
	defer a.Close()
	defer b.Close()

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	author, err := dht.NewIdentity(key)
	if err != nil {
		log.Fatal(err)
	}
	// Only its author can replace a signed value: the second edition does.
	page := infohash.SumString("page")
	for _, text := range []string{"first draft", "second draft"} {
		if _, err := a.PutSigned(ctx, author, page, &value.Value{ID: 1, Data: []byte(text)}); err != nil {
			log.Fatal(err)
		}
	}
	for v, err := range b.Get(ctx, page, dht.Lookup{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("edition %d by the author: %v: %s\n", v.Seq, v.OwnerID() == author.ID(), v.Data)
	}
	// Output: edition 1 by the author: true: second draft
}
