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
	// warmUps is how many of the measured requests come before them: with the first
	// ones come the pages of the program and the structures that all share.
	warmUps = 100
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

// filling leaves count things with the server, numbered from first on, and returns
// the share of them that it keeps.
type filling func(st *stage, first, count int) (kept float64, err error)

// Memory is the footprint of B12: idle, with values, with listens.
func (s *Suite) Memory(ctx context.Context) error {
	loads := []struct {
		name  string
		count int
		fill  filling
	}{
		{fmt.Sprintf("%d values of %d B", s.Values, smallValue), s.Values, storeValues},
		{fmt.Sprintf("%d listens", s.Listens), s.Listens, registerListens},
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

// footprint reads the memory of p three times: fresh, after a few requests, and with
// count things more.
func (s *Suite) footprint(ctx context.Context, p server.Program, count int, fill filling) (map[string]float64, error) {
	st, err := s.open(ctx, p, 0)
	if err != nil {
		return nil, err
	}
	defer st.close()
	idle, err := st.memory()
	if err != nil {
		return nil, err
	}
	_, warm, err := st.filled(fill, count, warmUps)
	if err != nil {
		return nil, err
	}
	kept, full, err := st.filled(fill, 0, count)
	if err != nil {
		return nil, err
	}
	held := kept * float64(count)
	return map[string]float64{
		"idle_rss":  megabytes(idle.RSS),
		"idle_pss":  megabytes(idle.PSS),
		"idle_anon": megabytes(idle.Anon),
		"warm_rss":  megabytes(warm.RSS),
		"warm_anon": megabytes(warm.Anon),
		"rss":       megabytes(full.RSS),
		"pss":       megabytes(full.PSS),
		"anon":      megabytes(full.Anon),
		"each":      float64(full.RSS-warm.RSS) / held,
		"each_anon": float64(full.Anon-warm.Anon) / held,
		"kept":      100 * kept,
	}, nil
}

// memory returns what the server occupies after a rest.
func (st *stage) memory() (server.Memory, error) {
	if err := st.session.Serve(rest); err != nil {
		return server.Memory{}, err
	}
	return server.ReadMemory(st.process.PID())
}

// filled is memory after fill.
func (st *stage) filled(fill filling, first, count int) (kept float64, m server.Memory, err error) {
	if kept, err = fill(st, first, count); err != nil {
		return 0, m, err
	}
	if kept == 0 {
		return 0, m, errors.New("kept nothing")
	}
	m, err = st.memory()
	return kept, m, err
}

// storeValues puts one value at each of as many keys and asks for some of them.
func storeValues(st *stage, first, count int) (float64, error) {
	put := wire.NewPut(st.session.Token, wire.Plain(content(smallValue)), time.Now().Unix())
	f := wire.Fields{Node: st.session.ID}
	w := &load.Workload{Name: "store", Datagrams: 1, Limit: first + count, Queue: func(c *udp.Conn, seq int, tid uint32) {
		f.TID, f.Key, f.ValueID = tid, scatter(uint64(seq)), uint64(seq)
		c.Queue(put.Append(c.Buffer(), 0, &f))
	}}
	if _, err := load.Closed(st.session, w, fillWindow, fillTimeout, first); err != nil {
		return 0, err
	}
	asked, found := min(samples, count), 0
	for i := range asked {
		key := scatter(uint64(first + i*count/asked))
		m, err := st.session.Call(wire.Get(), &wire.Fields{Key: key})
		if err != nil {
			return 0, err
		}
		found += min(m.Values, 1)
	}
	return float64(found) / float64(asked), nil
}

// registerListens listens at as many keys, from nodes at addresses of their own.
func registerListens(st *stage, first, count int) (float64, error) {
	group, err := peer.NewGroup((count + listensPerPeer - 1) / listensPerPeer)
	if err != nil {
		return 0, err
	}
	// They stay until the memory has been read.
	st.neighbours = append(st.neighbours, group...)
	accepted := 0
	for i, p := range group {
		token, err := p.Token(st.process.Addr)
		if err != nil {
			return 0, err
		}
		for j := range min(listensPerPeer, count-i*listensPerPeer) {
			n := first + i*listensPerPeer + j
			if p.Listen(st.process.Addr, token, scatter(uint64(n)), uint32(n)) == nil {
				accepted++
			}
		}
	}
	return float64(accepted) / float64(count), nil
}
