package client_test

import (
	"context"
	"fmt"
	"log"

	"rollcall/api/http/client"
	"rollcall/api/http/endpoint"
	"rollcall/api/http/schema"
)

// A program beside a daemon greets who comes.
func Example() {
	ctx := context.Background()
	at, err := endpoint.Parse("", "/home/greeter/.local/share/rollcall")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(at)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for event, err := range c.Events(ctx, "") {
		if err != nil {
			log.Fatal(err)
		}
		if event.Type != schema.PresenceChanged || event.Status == "offline" {
			continue
		}
		fmt.Printf("%v is %s\n", event.Peer, event.Status)
		if _, err := c.SendText(ctx, event.Account, event.Peer, schema.NewText{Content: "Hello!"}); err != nil {
			log.Print(err)
		}
	}
}
