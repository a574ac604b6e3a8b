package channel_test

import (
	"fmt"
	"time"

	"rollcall/channel"
)

// Two ends of a stream: one asks for a channel, the other accepts and hears what
// is said on it. What one has to send is handed to the other as it is.
func Example() {
	now := time.Now()
	client, server := channel.New(now, true), channel.New(now, false)

	number, err := client.Open(now, "sip")
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Handle(now, client.Output(nil))
	for _, e := range server.Effects(nil) {
		if e.Kind == channel.Requested {
			fmt.Println("asked for", e.Name)
			if err := server.Accept(e.Channel); err != nil {
				fmt.Println(err)
			}
		}
	}

	client.Handle(now, server.Output(nil)) // says that it is open
	if _, err := client.Write(number, []byte("hello")); err != nil {
		fmt.Println(err)
	}
	server.Handle(now, client.Output(nil))
	for _, e := range server.Effects(nil) {
		if e.Kind == channel.Data {
			fmt.Printf("heard %s\n", e.Data)
			server.Consumed(e.Channel, len(e.Data))
		}
	}
	// Output:
	// asked for sip
	// heard hello
}
