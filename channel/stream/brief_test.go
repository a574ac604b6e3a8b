package stream_test

import (
	"io"
	"net"
	"testing"

	"rollcall/channel/stream"
)

// TestBrief opens channels that the peer closes at once, after a word.
func TestBrief(t *testing.T) {
	here, there := net.Pipe()
	server := stream.New(there, stream.Config{Incoming: func(string) func(*stream.Channel) {
		return func(ch *stream.Channel) {
			io.WriteString(ch, "word")
			ch.Close()
		}
	}})
	defer server.Close()
	client := stream.New(here, stream.Config{Client: true})
	defer client.Close()
	for range 100 {
		ch, err := client.Open(t.Context(), "brief")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(ch); string(got) != "word" || err != nil {
			t.Fatalf("read %q, %v", got, err)
		}
		ch.Close()
	}
}
