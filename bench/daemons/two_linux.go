package daemons

import (
	"context"
	"time"

	"rollcall/bench/server"
	"rollcall/test/peers"
)

// arpLimit is when a kernel has given up to ask who has an address that nobody has
// told of. Until then it asks once per second, and packets wait for that.
const arpLimit = 4 * time.Second

// two measures what two daemons of a kind see of each other: alice is there
// before bob comes, and still when he is killed.
func (s *Suite) two(t *trial, d Daemon, round int) error {
	n := newNetwork(t)
	if err := n.surround(t); err != nil {
		return err
	}
	alice, err := s.create(t.ctx, d, round, d.Kind.Start(t, n.HostIPv4()), n)
	if err != nil {
		return err
	}
	// Nothing of bob is in the network before he comes.
	host := n.HostIPv4()
	host.Unplug()
	bob, err := d.Kind.Start(t, host).CreateAccount(t.ctx, "bob", n.node.Addr())
	if err != nil {
		return err
	}
	if err := server.Pause(t.ctx, drain); err != nil {
		return err
	}
	bob.Kill()
	if err := server.Pause(t.ctx, arpLimit); err != nil {
		return err
	}
	host.Plug()

	steps := []func(context.Context, Daemon, int, *peers.Account, *peers.Account) error{
		s.come, s.follow, s.request, s.comeBack, s.die,
	}
	for _, step := range steps {
		if err := step(t.ctx, d, round, alice, bob); err != nil {
			return err
		}
	}
	return nil
}

func (s *Suite) latency(d Daemon, round int, label string, took time.Duration) {
	s.record(d, round, "daemon peers", label, map[string]float64{"ms": millis(took)})
}

// come starts bob's daemon while alice waits for him.
func (s *Suite) come(ctx context.Context, d Daemon, round int, alice, bob *peers.Account) error {
	if err := alice.Track(ctx, bob.URI, true); err != nil {
		return err
	}
	aliceMark, bobMark := alice.Mark(), bob.Mark()
	start := time.Now()
	bob.Restart()
	online, err := alice.WaitPresence(ctx, aliceMark, bob.URI, true)
	if err != nil {
		return err
	}
	registered, err := bob.WaitSignal(ctx, bobMark, "registrationStateChanged", bob.ID, "REGISTERED")
	if err != nil {
		return err
	}
	s.latency(d, round, "start to online", online.At.Sub(start))
	s.latency(d, round, "registered to online", online.At.Sub(registered.At))
	return bob.WaitAnnounced(ctx, bobMark)
}

// follow lets bob see alice, who is there, when what his start has begun is done: each
// is a new neighbour of the other's values.
func (s *Suite) follow(ctx context.Context, d Daemon, round int, alice, bob *peers.Account) error {
	if err := server.Pause(ctx, drain); err != nil {
		return err
	}
	start, mark := time.Now(), bob.Mark()
	if err := bob.Track(ctx, alice.URI, true); err != nil {
		return err
	}
	online, err := bob.WaitPresence(ctx, mark, alice.URI, true)
	if err != nil {
		return err
	}
	s.latency(d, round, "subscribe to online", online.At.Sub(start))
	return nil
}

// request sends a trust request from alice to bob, who accepts.
func (s *Suite) request(ctx context.Context, d Daemon, round int, alice, bob *peers.Account) error {
	start, mark := time.Now(), bob.Mark()
	if err := alice.SendRequest(ctx, bob.URI, []byte("BEGIN:VCARD\nVERSION:2.1\nFN:alice\nEND:VCARD")); err != nil {
		return err
	}
	received, err := bob.WaitSignal(ctx, mark, "incomingTrustRequest", bob.ID)
	if err != nil {
		return err
	}
	s.latency(d, round, "request sent to received", received.At.Sub(start))
	start, mark = time.Now(), alice.Mark()
	if err := bob.AcceptRequest(ctx, alice.URI); err != nil {
		return err
	}
	confirmed, err := alice.WaitSignal(ctx, mark, "contactAdded", alice.ID, bob.URI, true)
	if err != nil {
		return err
	}
	s.latency(d, round, "request accepted to confirmed", confirmed.At.Sub(start))
	return nil
}

// die kills bob's daemon, and lets alice find out.
func (s *Suite) die(ctx context.Context, d Daemon, round int, alice, bob *peers.Account) error {
	if d.Record > s.Patience {
		return nil
	}
	mark := alice.Mark()
	bob.Kill()
	killed := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	offline, err := alice.WaitPresence(ctx, mark, bob.URI, false)
	if err != nil {
		return err
	}
	s.latency(d, round, "killed to offline", offline.At.Sub(killed))
	return nil
}
