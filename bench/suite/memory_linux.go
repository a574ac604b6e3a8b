package suite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/bench/load"
	"rollcall/bench/peer"
	"rollcall/bench/report"
	"rollcall/bench/server"
	"rollcall/bench/udp"
	"rollcall/bench/wire"
)

const (
	// rest is how long a server is left alone before its memory is read.
	rest = 2 * time.Second
	// fillWindow is how many puts are in flight while a server is filled.
	fillWindow = 64
	// fillTimeout bounds it.
	fillTimeout = 30 * time.Second
	// smallValue is the size of the stored values.
	smallValue = 64
	// listensPerPeer is how many listens one node registers.
	listensPerPeer = 20
	// samples is how many of the stored values are asked for afterwards.
	samples = 500
)

// Memory is the footprint of B12: idle, with values, with listens.
func (s *Suite) Memory(ctx context.Context) error {
	loads := []struct {
		name  string
		count int
		fill  func(*Suite, *stage) (kept float64, err error)
	}{
		{fmt.Sprintf("%d values of %d B", s.Values, smallValue), s.Values, (*Suite).storeValues},
		{fmt.Sprintf("%d listens", s.Listens), s.Listens, (*Suite).registerListens},
	}
	for round := range s.Rounds {
		for _, l := range loads {
			for _, p := range turn(s.Nodes, round) {
				figures, err := s.footprint(ctx, p, l.count, l.fill)
				if err == nil {
					s.record(report.Record{Bench: "memory", Case: l.name, Program: p.Name, Round: round, Figures: figures})
				}
				if err := s.note(ctx, p, "memory of "+l.name, err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *Suite) footprint(ctx context.Context, p server.Program, count int,
	fill func(*Suite, *stage) (float64, error),
) (map[string]float64, error) {
	st, err := s.open(ctx, p, 0)
	if err != nil {
		return nil, err
	}
	defer st.close()
	if err := st.session.Serve(rest); err != nil {
		return nil, err
	}
	idle, err := server.ReadMemory(st.process.PID())
	if err != nil {
		return nil, err
	}
	kept, err := fill(s, st)
	if err != nil {
		return nil, err
	}
	if kept == 0 {
		return nil, errors.New("kept nothing")
	}
	if err := st.session.Serve(rest); err != nil {
		return nil, err
	}
	full, err := server.ReadMemory(st.process.PID())
	if err != nil {
		return nil, err
	}
	held := kept * float64(count)
	return map[string]float64{
		"idle_rss":  megabytes(idle.RSS),
		"idle_pss":  megabytes(idle.PSS),
		"idle_anon": megabytes(idle.Anon),
		"rss":       megabytes(full.RSS),
		"pss":       megabytes(full.PSS),
		"anon":      megabytes(full.Anon),
		"each":      float64(full.RSS-idle.RSS) / held,
		"each_anon": float64(full.Anon-idle.Anon) / held,
		"kept":      100 * kept,
	}, nil
}

// storeValues puts one value at each of as many keys and asks for some of them.
func (s *Suite) storeValues(st *stage) (float64, error) {
	put := wire.NewPut(st.session.Token, wire.Plain(content(smallValue)), time.Now().Unix())
	f := wire.Fields{Node: st.session.ID}
	w := &load.Workload{Name: "store", Datagrams: 1, Limit: s.Values, Queue: func(c *udp.Conn, seq int, tid uint32) {
		f.TID, f.Key, f.ValueID = tid, scatter(uint64(seq)), uint64(seq)
		c.Queue(put.Append(c.Buffer(), 0, &f))
	}}
	if _, err := load.Closed(st.session, w, fillWindow, fillTimeout, 0); err != nil {
		return 0, err
	}
	found := 0
	for i := range samples {
		key := scatter(uint64(i * s.Values / samples))
		m, err := st.session.Call(wire.Get(), &wire.Fields{Key: key})
		if err != nil {
			return 0, err
		}
		found += min(m.Values, 1)
	}
	return float64(found) / samples, nil
}

// registerListens listens at as many keys, from nodes at addresses of their own.
func (s *Suite) registerListens(st *stage) (float64, error) {
	group, err := peer.NewGroup((s.Listens + listensPerPeer - 1) / listensPerPeer)
	if err != nil {
		return 0, err
	}
	// They stay until the memory has been read.
	st.neighbours = group
	accepted := 0
	for i, p := range group {
		token, err := p.Token(st.process.Addr)
		if err != nil {
			return 0, err
		}
		for j := range min(listensPerPeer, s.Listens-i*listensPerPeer) {
			n := i*listensPerPeer + j
			if p.Listen(st.process.Addr, token, scatter(uint64(n)), uint32(n)) == nil {
				accepted++
			}
		}
	}
	return float64(accepted) / float64(s.Listens), nil
}
