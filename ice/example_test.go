package ice_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"

	"rollcall/ice"
)

// Two agents of one host. In life the descriptions travel by a
// signaling.Request over the DHT.
func Example() {
	ctx := context.Background()
	addrs := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	asking, err := ice.Listen(ctx, ice.Config{Addrs: addrs})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer asking.Close()
	answering, err := ice.Listen(ctx, ice.Config{Addrs: addrs, Controlling: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answering.Close()

	go func() {
		conn, err := answering.Connect(ctx, asking.Description())
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "hello")
		io.Copy(io.Discard, conn) // the asking side hangs up
	}()

	conn, err := asking.Connect(ctx, answering.Description())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	said, _ := io.ReadAll(io.LimitReader(conn, 5))
	fmt.Printf("%s\n", said)
	// Output: hello
}
