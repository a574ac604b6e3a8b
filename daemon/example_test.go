package daemon_test

import (
	"context"
	"fmt"
	"log"

	"rollcall/daemon"
)

// An account that makes contacts of all who ask, and tells who is there.
func Example() {
	ctx := context.Background()
	d, err := daemon.Open(ctx, daemon.Config{DataDir: "/var/lib/greeter", Bootstrap: []string{"node.example"}})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	events := d.Subscribe()
	defer events.Close()
	if len(d.Accounts()) == 0 {
		if _, err := d.Create(ctx, daemon.Creation{Settings: daemon.Details{"Account.displayName": "Greeter"}}); err != nil {
			log.Fatal(err)
		}
	}
	for {
		e, err := events.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		switch change := e.Change.(type) {
		case daemon.RequestReceived:
			_, err = d.AcceptRequest(ctx, e.Account, change.Request.From)
		case daemon.PresenceChanged:
			fmt.Printf("%v is %v\n", change.Peer, change.Status)
		}
		if err != nil {
			log.Print(err)
		}
	}
}
