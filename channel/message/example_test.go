package message_test

import (
	"fmt"

	"rollcall/channel/message"
)

// Records follow each other without framing, so they may arrive in any pieces.
func Example() {
	stream := message.Record{ID: 7, Type: "text/plain", Content: "Out for lunch?"}.Append(nil)
	stream = message.Record{ID: 8, Type: "text/plain", Content: "At noon."}.Append(stream)

	var decoder message.Decoder
	for _, piece := range [][]byte{stream[:20], stream[20:]} {
		decoder.Feed(piece)
		for {
			record, ok, err := decoder.Next()
			if err != nil {
				fmt.Println(err)
				return
			}
			if !ok {
				break
			}
			fmt.Println(record.ID, record.Content)
		}
	}
	// Output:
	// 7 Out for lunch?
	// 8 At noon.
}
