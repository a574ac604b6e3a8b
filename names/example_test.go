package names_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"rollcall/names"
)

func ExampleClient_Lookup() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"name":"alice","addr":"0x5a9f569200a41932fb88e04299d03898e0d5275c"}`)
	}))
	defer server.Close()

	c := names.New()
	defer c.Close()
	alice, err := c.Lookup(context.Background(), server.URL, "alice")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(alice.Address)
	// Output: 5a9f569200a41932fb88e04299d03898e0d5275c
}
