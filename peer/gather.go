package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"rollcall/dht/value"
	"rollcall/ice"
	"rollcall/ice/signaling"
)

// gathered is an agent that offers all the ways that were found in time.
type gathered struct {
	peers   *Peers
	agent   *ice.Agent
	met     func(signaling.Description)
	release context.CancelFunc // of what the ways need
}

// gather opens an agent and finds ways to reach it. The caller calls end.
func (p *Peers) gather(ctx context.Context, controlling bool) (*gathered, error) {
	addrs := p.addrs()
	agent, err := ice.Listen(ctx, ice.Config{Controlling: controlling, Addrs: addrs, Listen: p.cfg.Listen, Dial: p.cfg.Dial})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoWay, err)
	}
	g := &gathered{peers: p, agent: agent, met: func(signaling.Description) {}}
	for _, public := range p.public(addrs) {
		_ = agent.AddReflexive(public) // one way less
	}
	// What is gathered lives on with the connection.
	var life context.Context
	life, g.release = context.WithCancel(p.ctx)
	if p.cfg.Gather == nil {
		return g, nil
	}
	done := make(chan func(signaling.Description), 1)
	if !p.goWhileOpen(func() { done <- p.cfg.Gather(life, agent) }) {
		g.end(ErrClosed)
		return nil, ErrClosed
	}
	timer := time.NewTimer(GatherLimit)
	defer timer.Stop()
	select {
	case met := <-done:
		if met != nil {
			g.met = met
		}
	case <-timer.C:
	case <-ctx.Done():
	}
	return g, nil
}

// description returns what the peer is told.
func (g *gathered) description() string {
	d := g.agent.Description()
	return d.String()
}

// end closes the agent; with an error, what was gathered is released as well.
func (g *gathered) end(err error) {
	g.agent.Close()
	if err != nil {
		g.release()
	}
}

// connect looks for a way to a peer and makes a connection of it.
func (g *gathered) connect(ctx context.Context, d signaling.Description, want expected, began time.Time, request uint64) error {
	g.met(d)
	p := g.peers
	conn, err := g.agent.Connect(ctx, d)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoWay, err)
	}
	s, err := p.secure(ctx, conn, want)
	if err != nil {
		return err
	}
	s.release, s.info.Asked, s.info.SetUp = g.release, request != 0, time.Since(began)
	if err := p.admit(s, request); err != nil {
		s.stream.Close()
		return err
	}
	return nil
}

// addrs returns the addresses of this host to offer: those at which the node is
// found, unless something else is configured.
func (p *Peers) addrs() []netip.Addr {
	var addrs []netip.Addr
	if p.cfg.Addrs != nil {
		addrs = p.cfg.Addrs()
	} else {
		addrs = hostAddrs(p.cfg.Node.Addrs())
	}
	return addrs[:min(len(addrs), ice.MaxAddrs)]
}

// hostAddrs returns the addresses of this host of the families, or at the
// addresses, at which a node listens. IPv4 comes first. Addresses of this host
// only count when there are no others.
func hostAddrs(node []netip.AddrPort) []netip.Addr {
	var addrs, local []netip.Addr
	found, _ := net.InterfaceAddrs() // none is as good as an error
	for _, at := range node {
		if !at.Addr().IsUnspecified() {
			addrs = append(addrs, at.Addr().Unmap().WithZone(""))
			continue
		}
		for _, a := range found {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			addr := prefix.Addr().Unmap()
			switch {
			case addr.Is4() != at.Addr().Unmap().Is4():
			case addr.IsLoopback():
				local = append(local, addr)
			case addr.IsGlobalUnicast():
				addrs = append(addrs, addr)
			}
		}
	}
	if len(addrs) == 0 {
		addrs = local
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return slices.Compact(addrs)
}

// public returns the addresses as which others see us, but for those that we
// offer anyhow.
func (p *Peers) public(offered []netip.Addr) []netip.Addr {
	var public []netip.Addr
	for _, addr := range p.cfg.Node.PublicAddrs() {
		if addr = addr.Unmap(); len(public) < maxPublic && addr.IsGlobalUnicast() && !slices.Contains(offered, addr) {
			public = append(public, addr)
		}
	}
	return public
}

// failed counts and logs an attempt or an answer that came to nothing.
func (p *Peers) failed(what string, key []byte, err error) {
	p.log.Debug(what, "device", value.KeyLongID(key), "err", err)
	for _, c := range []struct {
		err   error
		count func(*Stats) *uint64
	}{
		{errAbandoned, func(s *Stats) *uint64 { return &s.Unanswered }},
		{errUnanswered, func(s *Stats) *uint64 { return &s.Unanswered }},
		{errUnwelcome, func(s *Stats) *uint64 { return &s.Unwelcome }},
		{errCrowded, func(s *Stats) *uint64 { return &s.Crowded }},
		{errUnproven, func(s *Stats) *uint64 { return &s.Unproven }},
		{errTreated, func(s *Stats) *uint64 { return &s.Repeated }},
		{errNoWay, func(s *Stats) *uint64 { return &s.Unreachable }},
		{errUntrusted, func(s *Stats) *uint64 { return &s.Untrusted }},
		{errHandshake, func(s *Stats) *uint64 { return &s.Handshake }},
	} {
		if errors.Is(err, c.err) {
			p.count(c.count)
			return
		}
	}
}
