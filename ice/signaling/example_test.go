package signaling_test

import (
	"fmt"
	"net/netip"

	"rollcall/ice/signaling"
)

// A request carries the description of the side that asks, as text.
func Example() {
	address := netip.MustParseAddr("192.0.2.7")
	description := signaling.Description{
		Ufrag: "ab12cd34", Password: "a-secret-of-one-attempt",
		Candidates: []signaling.Candidate{{
			Foundation: signaling.Foundation(signaling.Host, address),
			Priority:   signaling.Priority(signaling.Host, 0),
			Addr:       netip.AddrPortFrom(address, 40000),
			Type:       signaling.Host,
			TCPType:    signaling.Passive,
		}},
	}
	request := signaling.Request{ID: 7, Description: description.String()}

	got, err := signaling.ParseRequest(request.Append(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	theirs, err := signaling.ParseDescription(got.Description)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(theirs.Ufrag)
	fmt.Println(theirs.Candidates[0].String())
	// Output:
	// ab12cd34
	// Hc0000207 1 TCP 2130706431 192.0.2.7 40000 typ host tcptype passive
}
