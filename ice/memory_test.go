package ice_test

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"rollcall/ice"
	"rollcall/ice/signaling"
	"rollcall/internal/simnet"
)

// agents returns a controlled and a controlling agent in one network of pipes.
// change may alter the configurations.
func agents(t testing.TB, network *simnet.Streams, change func(i int, cfg *ice.Config)) [2]*ice.Agent {
	t.Helper()
	var pair [2]*ice.Agent
	for i := range pair {
		host := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
		cfg := ice.Config{Controlling: i == 1, Addrs: []netip.Addr{host}, Listen: network.Listen, Dial: network.DialFrom(host)}
		if change != nil {
			change(i, &cfg)
		}
		pair[i] = listen(t, cfg)
	}
	return pair
}

func listen(t testing.TB, cfg ice.Config) *ice.Agent {
	t.Helper()
	a, err := ice.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// result is what Connect returned.
type result struct {
	conn *ice.Conn
	err  error
}

// connect lets both agents connect at once.
func connect(t testing.TB, pair [2]*ice.Agent) (results [2]result) {
	t.Helper()
	var said [2]signaling.Description
	for i, a := range pair {
		// Through the text, as over the DHT.
		d := a.Description()
		var err error
		if said[i], err = signaling.ParseDescription(d.String()); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i, a := range pair {
		wg.Go(func() {
			results[i].conn, results[i].err = a.Connect(t.Context(), said[1-i])
		})
	}
	wg.Wait()
	for _, r := range results {
		if r.conn != nil {
			t.Cleanup(func() { r.conn.Close() })
		}
	}
	return results
}

// connected is connect where it must succeed.
func connected(t testing.TB, pair [2]*ice.Agent) [2]*ice.Conn {
	t.Helper()
	results := connect(t, pair)
	if err := errors.Join(results[0].err, results[1].err); err != nil {
		t.Fatal(err)
	}
	return [2]*ice.Conn{results[0].conn, results[1].conn}
}

// exchange sends a line each way.
func exchange(t testing.TB, conns [2]*ice.Conn) {
	t.Helper()
	for i, from := range conns {
		go from.Write([]byte("hello\n"))
		got := make([]byte, 6)
		conns[1-i].SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadFull(conns[1-i], got); err != nil || string(got) != "hello\n" {
			t.Fatalf("from side %d: %q, %v", i, got, err)
		}
		conns[1-i].SetReadDeadline(time.Time{})
	}
}
