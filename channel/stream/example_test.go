package stream_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"time"

	"rollcall/channel/stream"
)

// Two channels on one connection, each with a conversation of its own.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	here, there := net.Pipe() // TLS, between devices

	server := stream.New(there, stream.Config{Incoming: func(name string) func(*stream.Channel) {
		greeting, ok := strings.CutPrefix(name, "say:")
		if !ok {
			return nil // declined
		}
		return func(ch *stream.Channel) {
			defer ch.Close()
			fmt.Fprintf(ch, "%s, whoever you are", greeting)
		}
	}})
	defer server.Close()
	client := stream.New(here, stream.Config{Client: true})
	defer client.Close()

	for _, name := range []string{"say:hello", "say:goodbye"} {
		ch, err := client.Open(ctx, name)
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(ch)
		if err != nil {
			log.Fatal(err)
		}
		ch.Close()
		fmt.Printf("%s\n", text)
	}
	if _, err := client.Open(ctx, "anything"); err != nil {
		fmt.Println("declined")
	}
	// Output:
	// hello, whoever you are
	// goodbye, whoever you are
	// declined
}
