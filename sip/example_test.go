package sip_test

import (
	"bytes"
	"fmt"

	"rollcall/dht/infohash"
	"rollcall/sip"
)

// A text goes as a MESSAGE request, which is answered at once.
func Example() {
	request := sip.Outgoing{
		From: infohash.SumString("alice"), To: infohash.SumString("bob"),
		Branch: "z9hG4bK1", Tag: "a", CallID: "c",
		ID: 7, Type: "text/plain", Body: []byte("Out for lunch?"),
	}

	var decoder sip.Decoder
	decoder.Feed(request.Append(nil))
	received, ok, err := decoder.Next()
	if err != nil || !ok {
		fmt.Println(ok, err)
		return
	}
	fmt.Printf("%s %d %s: %s\n", received.Method, received.MessageID(), received.ContentType(), received.Body)

	answer := sip.AppendAnswer(nil, &received, sip.Answer(received.Method), "b")
	line, _, _ := bytes.Cut(answer, []byte("\r\n"))
	fmt.Printf("%s\n", line)
	// Output:
	// MESSAGE 7 text/plain: Out for lunch?
	// SIP/2.0 200 OK
}
