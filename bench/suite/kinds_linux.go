package suite

import (
	"fmt"
	"time"

	"rollcall/bench/load"
	"rollcall/bench/udp"
	"rollcall/bench/wire"
)

// kind is one sort of request.
type kind struct {
	name string
	echo bool // for the echo servers alone
	// neighbours is how many peers the server has beside the generator.
	neighbours int
	// overload says that the kind is measured in the open loop too.
	overload bool
	// prepare fills the server and returns the requests.
	prepare func(*Suite, *load.Session) (*load.Workload, error)
}

const (
	// hotKeys is how many keys the requests of the get, listen and refresh kinds
	// take in turn.
	hotKeys = 256
	// wideKeys is the same for keys with 20 values each.
	wideKeys = 16
	// listens is how many of the one session are renewed in turn.
	listens = 16
	// putLimit keeps new values below what a node stores for one address.
	putLimit = 200_000
	// repeatedLimit is the same for signed values, which are larger.
	repeatedLimit = 40_000
	// repeatedValues is how many signed values are put again and again.
	repeatedValues = 64
)

// kinds are the rows of B1, in the order of the report.
var kinds = []kind{
	{name: "echo 64 B", echo: true, overload: true, prepare: echoOf(64)},
	{name: "echo 330 B", echo: true, prepare: echoOf(330)},
	{name: "ping", overload: true, prepare: one(wire.Ping)},
	{name: "find", overload: true, prepare: one(wire.Find)},
	{name: "find, 8 nodes", neighbours: 32, prepare: one(wire.Find)},
	{name: "get miss", prepare: one(wire.Get)},
	{name: "get 200 B", overload: true, prepare: hit(hotKeys, 1)},
	{name: "get 20×200 B", prepare: hit(wideKeys, 20)},
	{name: "put 200 B", overload: true, prepare: putNew},
	{name: "put 200 B repeated", prepare: putAgain},
	{name: "put RSA-2048 new", prepare: putSigned(2048, false)},
	{name: "put RSA-2048 repeated", prepare: putSigned(2048, true)},
	{name: "put RSA-4096 new", prepare: putSigned(4096, false)},
	{name: "put RSA-4096 repeated", prepare: putSigned(4096, true)},
	{name: "listen", prepare: listenAgain},
	{name: "refresh", prepare: refresh},
}

func echoOf(size int) func(*Suite, *load.Session) (*load.Workload, error) {
	return func(*Suite, *load.Session) (*load.Workload, error) {
		t := wire.Ping()
		pad := make([]byte, max(size-t.Size(), 0))
		return &load.Workload{Datagrams: 1, Queue: func(c *udp.Conn, _ int, tid uint32) {
			b := t.Append(c.Buffer(), &wire.Fields{TID: tid})
			c.Queue(append(b, pad...))
		}}, nil
	}
}

// one is the same request for ever new keys.
func one(template func() *wire.Template) func(*Suite, *load.Session) (*load.Workload, error) {
	return func(_ *Suite, s *load.Session) (*load.Workload, error) {
		return requests(s, template(), func(f *wire.Fields, seq int) { f.Key = scatter(uint64(seq)) })
	}
}

// requests makes a workload of t with the fields that set sets, and learns from
// one call how many datagrams answer each.
func requests(s *load.Session, t *wire.Template, set func(*wire.Fields, int)) (*load.Workload, error) {
	f := wire.Fields{Node: s.ID}
	set(&f, 0)
	m, err := s.Call(t, &f)
	if err != nil {
		return nil, err
	}
	if m.Kind != wire.Reply {
		return nil, fmt.Errorf("refused with code %d", m.Code)
	}
	return &load.Workload{Datagrams: m.Datagrams(), Queue: func(c *udp.Conn, seq int, tid uint32) {
		set(&f, seq)
		f.TID = tid
		c.Queue(t.Append(c.Buffer(), &f))
	}}, nil
}

func hit(keys, values int) func(*Suite, *load.Session) (*load.Workload, error) {
	return func(_ *Suite, s *load.Session) (*load.Workload, error) {
		if err := fill(s, keys, values); err != nil {
			return nil, err
		}
		m, err := s.Call(wire.Get(), &wire.Fields{Key: scatter(0)})
		if err != nil {
			return nil, err
		}
		if got := m.Values + len(m.Sizes); got != values {
			return nil, fmt.Errorf("got %d values, want %d", got, values)
		}
		return requests(s, wire.Get(), func(f *wire.Fields, seq int) { f.Key = scatter(uint64(seq % keys)) })
	}
}

// fill stores values of 200 bytes at each key.
func fill(s *load.Session, keys, values int) error {
	put := wire.NewPut(s.Token, wire.Plain(content(200)), time.Now().Unix())
	for i := range keys * values {
		if err := s.Put(put, &wire.Fields{Key: scatter(uint64(i / values)), ValueID: uint64(i)}); err != nil {
			return err
		}
	}
	return nil
}

// content returns n bytes that do not compress to nothing.
func content(n int) []byte {
	b := make([]byte, 0, n+wire.IDSize)
	for i := 0; len(b) < n; i++ {
		id := scatter(uint64(i))
		b = append(b, id[:]...)
	}
	return b[:n]
}

func putNew(_ *Suite, s *load.Session) (*load.Workload, error) {
	put := wire.NewPut(s.Token, wire.Plain(content(200)), time.Now().Unix())
	f := wire.Fields{Node: s.ID}
	return &load.Workload{Datagrams: 1, Limit: putLimit, Queue: func(c *udp.Conn, seq int, tid uint32) {
		f.TID, f.Key, f.ValueID = tid, scatter(uint64(seq)), uint64(seq)
		c.Queue(put.Append(c.Buffer(), 0, &f))
	}}, nil
}

// putAgain puts the values that are there already, as publishers do to renew them.
func putAgain(_ *Suite, s *load.Session) (*load.Workload, error) {
	if err := fill(s, hotKeys, 1); err != nil {
		return nil, err
	}
	put := wire.NewPut(s.Token, wire.Plain(content(200)), time.Now().Unix())
	f := wire.Fields{Node: s.ID}
	return &load.Workload{Datagrams: 1, Queue: func(c *udp.Conn, seq int, tid uint32) {
		f.TID, f.Key, f.ValueID = tid, scatter(uint64(seq%hotKeys)), uint64(seq%hotKeys)
		c.Queue(put.Append(c.Buffer(), 0, &f))
	}}, nil
}

func refresh(_ *Suite, s *load.Session) (*load.Workload, error) {
	if err := fill(s, hotKeys, 1); err != nil {
		return nil, err
	}
	return requests(s, wire.Refresh(s.Token), func(f *wire.Fields, seq int) {
		f.Key, f.ValueID = scatter(uint64(seq%hotKeys)), uint64(seq%hotKeys)
	})
}

func listenAgain(_ *Suite, s *load.Session) (*load.Workload, error) {
	return requests(s, wire.Listen(s.Token), func(f *wire.Fields, seq int) {
		f.Key, f.Socket = scatter(uint64(seq%listens)), uint32(seq%listens)
	})
}
