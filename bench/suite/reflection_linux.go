package suite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"rollcall/bench/load"
	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/bench/wire"
)

const (
	// answerWindow is when what comes back counts as the answer; later datagrams
	// are requests of the server's own.
	answerWindow = 500 * time.Millisecond
	// laterWindow covers those with all their repetitions.
	laterWindow = 6 * time.Second
	// reflectionNeighbours fill the node lists of the answers.
	reflectionNeighbours = 16
)

// Limits of what Rollcall sends to an address that has proved nothing (claim R11).
const (
	maxReflection = 18 // bytes out per byte in
	maxDatagrams  = 1
)

// ErrReflection reports an answer above these limits.
var ErrReflection = errors.New("answer to an unproved address is too large")

// reflected is one request by an address that never sends anything else.
type reflected struct {
	name   string
	packet []byte
}

// Reflection is B9: every kind of request, each from a fresh address that never
// answers, against Rollcall alone. It fails when an answer is above our limits.
func (s *Suite) Reflection(ctx context.Context) error {
	i := slices.IndexFunc(s.Nodes, func(p server.Program) bool { return p.Name == server.RollcallName })
	if i < 0 {
		return errors.New("reflection measures rollcall: name its binary")
	}
	p := s.Nodes[i]
	st, err := s.open(ctx, p, reflectionNeighbours)
	if err != nil {
		return err
	}
	defer st.close()
	cases, err := reflections(st.session)
	if err != nil {
		return err
	}
	var failed error
	for round := range s.Rounds {
		records, err := reflect(st, cases)
		if err != nil {
			return err
		}
		for _, r := range records {
			r.Program, r.Round = p.Name, round
			s.record(r)
			if r.Figures["ratio"] > maxReflection || r.Figures["datagrams"] > maxDatagrams {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", r.Case, ErrReflection))
			}
		}
	}
	return failed
}

// reflections stores what makes answers large and returns the requests.
func reflections(s *load.Session) ([]reflected, error) {
	stored := []struct{ size, count int }{{540, 1}, {200, 20}, {60_000, 4}}
	keys := make([]wire.ID, len(stored))
	for i, v := range stored {
		keys[i] = load.NearKey(s.Server, uint32(i))
		put := wire.NewPut(s.Token, wire.Plain(content(v.size)), time.Now().Unix())
		for id := range v.count {
			if err := s.Put(put, &wire.Fields{Key: keys[i], ValueID: uint64(id)}); err != nil {
				return nil, err
			}
		}
	}
	foreign := make([]byte, 32)
	put := wire.NewPut(foreign, wire.Plain(content(64)), time.Now().Unix())
	near := load.NearKey(s.Server, 1<<20)
	senders := uint64(1 << 41)
	f := func(key wire.ID) *wire.Fields {
		senders++
		return &wire.Fields{Node: scatter(senders), Key: key, TID: 1, ValueID: 1, Socket: 1}
	}
	return []reflected{
		{"ping", wire.Ping().Append(nil, f(near))},
		{"find", wire.Find().Append(nil, f(near))},
		{"get miss", wire.Get().Append(nil, f(near))},
		{"get 540 B inline", wire.Get().Append(nil, f(keys[0]))},
		{"get 20×200 B", wire.Get().Append(nil, f(keys[1]))},
		{"get 4×60,000 B", wire.Get().Append(nil, f(keys[2]))},
		{"get ids of 20 values", wire.GetIDs().Append(nil, f(keys[1]))},
		{"put, foreign token", put.Append(nil, 0, f(near))},
		{"refresh, foreign token", wire.Refresh(foreign).Append(nil, f(keys[0]))},
		{"listen, foreign token", wire.Listen(foreign).Append(nil, f(keys[0]))},
		{"malformed", []byte{0x85, 0xa1, 'a', 0x81}},
	}, nil
}

// reflect sends each request once and counts what comes back.
func reflect(st *stage, cases []reflected) ([]report.Record, error) {
	conns := make([]*net.UDPConn, len(cases))
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	records := make([]report.Record, len(cases))
	for i, c := range cases {
		conn, err := victim(st.process.Addr)
		if err != nil {
			return nil, err
		}
		conns[i] = conn
		if _, err := conn.Write(c.packet); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		bytes, datagrams, err := collect(conn, answerWindow)
		if err != nil {
			return nil, err
		}
		records[i] = report.Record{Bench: "reflection", Case: c.name, Figures: map[string]float64{
			"in": float64(len(c.packet)), "out": float64(bytes), "datagrams": float64(datagrams),
			"ratio": float64(bytes) / float64(len(c.packet)),
		}}
	}
	if err := st.session.Serve(laterWindow); err != nil {
		return nil, err
	}
	for i, conn := range conns {
		bytes, datagrams, err := collect(conn, time.Millisecond)
		if err != nil {
			return nil, err
		}
		records[i].Figures["later"] = float64(bytes)
		records[i].Figures["later_datagrams"] = float64(datagrams)
	}
	return records, nil
}

// victim opens a fresh address that only receives.
func victim(addr netip.AddrPort) (*net.UDPConn, error) {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("open address: %w", err)
	}
	if err := conn.SetReadBuffer(receiveBuffer); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("grow receive buffer: %w", err)
	}
	return conn, nil
}

const receiveBuffer = 4 << 20

func collect(conn *net.UDPConn, d time.Duration) (bytes, datagrams int, err error) {
	buf := make([]byte, 2048)
	if err := conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return 0, 0, fmt.Errorf("set deadline: %w", err)
	}
	for {
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return bytes, datagrams, nil
		}
		if err != nil {
			return 0, 0, fmt.Errorf("receive: %w", err)
		}
		bytes += n
		datagrams++
	}
}
