package talk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"

	"rollcall/dht"
	"rollcall/dht/infohash"
	"rollcall/dht/value"
	"rollcall/identity/keyfile"
	"rollcall/peer"
	"rollcall/talk"
)

// The ids of a friend, and of the friend's device.
const friend, phone = "5a9f569200a41932fb88e04299d03898e0d5275c", "0dc19a1181e027056ba8568fc923c000f0738323"

// A device connects with that of a friend, says hello and prints what comes back.
// An account does the same for all contacts, and finds their devices by itself.
func Example() {
	ctx := context.Background()
	device, err := keyfile.ReadDevice("/var/lib/greeter")
	if err != nil {
		log.Fatal(err)
	}
	self, err := dht.NewIdentity(device, device.Chain().DER()...)
	if err != nil {
		log.Fatal(err)
	}
	node, err := dht.Open(ctx, dht.Config{Bootstrap: []string{"node.example"}})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()

	account := infohash.ParseKey(friend)
	known := func(who infohash.Hash) bool { return who == account }
	t := talk.New(talk.Config{
		Account: device.Account(), Device: device.LongID(), Contact: known,
		Notify: func(event talk.Event) {
			if text, ok := event.(talk.TextReceived); ok {
				fmt.Println(text.Content)
			}
		},
	})
	defer t.Close()
	peers, err := peer.Open(peer.Config{
		Node: node, Device: device, Identity: self,
		Standing: func(who infohash.Hash, _ value.LongID) peer.Standing {
			if known(who) {
				return peer.Contact
			}
			return peer.Unwelcome
		},
		FindAccount: func(context.Context, infohash.Hash, value.LongID) (infohash.Hash, error) {
			return infohash.Hash{}, errors.New("only we ask")
		},
		Incoming: func(c *peer.Conn, name string) func(net.Conn) { return t.Incoming(c, name) },
		Notify: func(event peer.Event) {
			switch event := event.(type) {
			case peer.Connected:
				t.Connected(event.Conn)
			case peer.Disconnected:
				t.Disconnected(event.Conn)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer peers.Close()

	chain, err := node.FindCertificate(ctx, infohash.ParseKey(phone), value.LongID{})
	if err != nil {
		log.Fatal(err)
	}
	peers.Want(peer.Device{Account: account, Key: chain[0].SPKI})
	if _, err := t.Send(account, "text/plain", "Hello!"); err != nil {
		log.Fatal(err)
	}
	<-ctx.Done()
}
