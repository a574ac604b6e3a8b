// Package suite holds the benchmarks: what is asked of which program, how often,
// and in which order. Every measurement has a server process of its own.
package suite

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"rollcall/bench/load"
	"rollcall/bench/peer"
	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/bench/wire"
)

// Config says what to measure and for how long.
type Config struct {
	Nodes       []server.Program // measured side by side
	Floors      []server.Program // echo servers
	Rounds      int
	Cell        time.Duration // length of one loop
	Windows     []int
	Kinds       []string // names of kinds; empty means all
	Signed      int      // signed values of each key size
	Values      int      // values stored for the memory measurement
	Listens     int      // listens registered for it
	Exchanges   int      // rounds of put and notification
	NetworkSize int      // nodes of the idle network
	Member      server.Program
	Idle        time.Duration // length of the idle measurement
	Settle      time.Duration // what the idle network has to calm down
	ServerCore  int
	Log         *slog.Logger
}

// Suite runs benchmarks and collects their records.
type Suite struct {
	Config
	Records []report.Record
	Failed  []error // the measurements that did not come about
	signed  map[int]*signedPool
}

// New returns a suite without records.
func New(c Config) *Suite { return &Suite{Config: c, signed: make(map[int]*signedPool)} }

func (s *Suite) record(r report.Record) {
	s.Records = append(s.Records, r)
	attrs := []any{"case", r.Case, "program", r.Program, "window", r.Window, "round", r.Round}
	for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
		attrs = append(attrs, name, fmt.Sprintf("%.4g", r.Figures[name]))
	}
	s.Log.Info(r.Bench, attrs...)
}

// note keeps the error of one measurement, so that the others go on. It returns an
// error when ctx has ended and none should.
func (s *Suite) note(ctx context.Context, p server.Program, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("stopped: %w", ctx.Err())
	}
	if err != nil {
		err = fmt.Errorf("%s, %s: %w", p.Name, what, err)
		s.Log.Error("left out", "err", err)
		s.Failed = append(s.Failed, err)
	}
	return nil
}

// turn returns the programs in the order of a round: every other one backwards.
func turn(programs []server.Program, round int) []server.Program {
	programs = slices.Clone(programs)
	if round%2 == 1 {
		slices.Reverse(programs)
	}
	return programs
}

// stage is a fresh server with its neighbours and a session.
type stage struct {
	process    *server.Process
	session    *load.Session
	neighbours peer.Group
}

// open starts p amid n neighbours and waits until it knows them.
func (s *Suite) open(ctx context.Context, p server.Program, n int) (*stage, error) {
	st := &stage{}
	o := server.Options{Core: s.ServerCore}
	var err error
	if n > 0 {
		if st.neighbours, err = peer.NewGroup(n); err != nil {
			return nil, err
		}
		o.Bootstrap = st.neighbours[0].Addr.String()
	}
	if st.process, err = server.Start(ctx, p, o, probe()); err != nil {
		st.close()
		return nil, err
	}
	if st.session, err = load.Dial(st.process.Addr, p.Echo); err == nil {
		err = st.acquaint()
	}
	if err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

const (
	// knownNodes is how many nodes are in a full answer.
	knownNodes = 8
	// acquaintTimeout bounds the wait for one.
	acquaintTimeout = 60 * time.Second
)

// acquaint waits until the server names its neighbours in answers: half of them,
// since a node asks its nearest ones first and may leave others for later.
func (st *stage) acquaint() error {
	if len(st.neighbours) == 0 {
		return nil
	}
	for _, p := range st.neighbours {
		if _, err := p.Token(st.process.Addr); err != nil {
			return err
		}
	}
	named := 0
	for end := time.Now().Add(acquaintTimeout); time.Now().Before(end); {
		m, err := st.session.Call(wire.Find(), &wire.Fields{Key: st.session.Server})
		if err != nil {
			return err
		}
		if named = m.Nodes; named >= min(len(st.neighbours)/2, knownNodes) {
			return nil
		}
		if err := st.session.Serve(100 * time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("names only %d of its neighbours even after %v", named, acquaintTimeout)
}

func (st *stage) close() {
	if st.session != nil {
		_ = st.session.Close()
	}
	if st.process != nil {
		st.process.Kill()
	}
	st.neighbours.Close()
}

// probe is a ping by a sender that is not used otherwise.
func probe() []byte {
	return wire.Ping().Append(nil, &wire.Fields{Node: scatter(1 << 40)})
}

// scatter returns key number i, which shares nothing with its neighbours
// (SplitMix64).
func scatter(i uint64) wire.ID {
	var id wire.ID
	for at := 0; at < wire.IDSize; at += 4 {
		i += 0x9e3779b97f4a7c15
		z := (i ^ i>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		id[at], id[at+1], id[at+2], id[at+3] = byte(z), byte(z>>8), byte(z>>16), byte(z>>24)
	}
	return id
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
