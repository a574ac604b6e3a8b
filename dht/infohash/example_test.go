package infohash_test

import (
	"fmt"

	"rollcall/dht/infohash"
)

func ExampleParseKey() {
	// Forty digits are a key, any other text stands for its SHA-1.
	fmt.Println(infohash.ParseKey("0b7e7dee087b1f3d4e5bd2ff8a1dbd1ab4a5fd60"))
	fmt.Println(infohash.ParseKey("greeting") == infohash.SumString("greeting"))
	// Output:
	// 0b7e7dee087b1f3d4e5bd2ff8a1dbd1ab4a5fd60
	// true
}
