package daemons

import (
	"context"
	"fmt"
	"time"

	"rollcall/bench/server"
	"rollcall/presence"
	"rollcall/test/peers"
)

// strangers is how many accounts get their first text from another in each round.
const strangers = 3

// connect measures how long it takes two daemons of a kind to connect for a text.
// The accounts have each other in their lists and have not asked to be confirmed,
// so that none connects before it has to.
func (s *Suite) connect(t *trial, d Daemon, round int) error {
	n := newNetwork(t)
	alice, err := s.create(t.ctx, d, round, d.Kind.Start(t, n.HostIPv4()), n)
	if err != nil {
		return err
	}
	there := d.Kind.Start(t, n.HostIPv4())
	for i := range strangers {
		bob, err := there.AddAccount(t.ctx, fmt.Sprint("bob ", i), n.node.Addr())
		if err != nil {
			return err
		}
		if err := s.text(t.ctx, d, round, alice, bob); err != nil {
			return err
		}
	}
	return nil
}

// text lets two accounts see each other, and sends two texts: one for which they
// must connect, and one after it.
func (s *Suite) text(ctx context.Context, d Daemon, round int, alice, bob *peers.Account) error {
	pair := [2]*peers.Account{alice, bob}
	for i, a := range pair {
		mark := a.Mark()
		if err := a.AddContact(ctx, pair[1-i].URI); err != nil {
			return err
		}
		if err := a.Track(ctx, pair[1-i].URI, true); err != nil {
			return err
		}
		if _, err := a.WaitPresence(ctx, mark, pair[1-i].URI, true); err != nil {
			return err
		}
	}
	if err := server.Pause(ctx, drain); err != nil {
		return err
	}
	for _, label := range []string{"text to received, not connected", "text to received, connected"} {
		took, err := deliver(ctx, alice, bob, label)
		if err != nil {
			return err
		}
		s.latency(d, round, label, took)
	}
	return nil
}

// deliver sends a text and waits until it is received.
func deliver(ctx context.Context, from, to *peers.Account, text string) (time.Duration, error) {
	mark, start := to.Mark(), time.Now()
	payloads := map[string]string{"text/plain": text}
	err := from.Call(ctx, "ConfigurationManager", "sendTextMessage", []any{from.ID, to.URI, payloads}, []any{new(uint64)})
	if err != nil {
		return 0, err
	}
	received, err := to.Wait(ctx, mark, text, func(s peers.Signal) bool {
		if s.Name != "incomingAccountMessage" || s.Args[0] != to.ID {
			return false
		}
		got, ok := s.Args[len(s.Args)-1].(map[string]string)
		return ok && got["text/plain"] == text
	})
	return received.At.Sub(start), err
}

// comeBack lets bob's daemon come back to alice's, who is his contact. The C++ daemon
// does not tell when it is connected.
func (s *Suite) comeBack(ctx context.Context, d Daemon, round int, alice, bob *peers.Account) error {
	if d.Kind.Name == peers.Jamid.Name {
		return nil
	}
	bob.Kill()
	mark, bobMark := alice.Mark(), bob.Mark()
	start := time.Now()
	bob.Restart()
	registered, err := bob.WaitSignal(ctx, bobMark, "registrationStateChanged", bob.ID, "REGISTERED")
	if err != nil {
		return err
	}
	connected, err := alice.WaitSignal(ctx, mark, "newBuddyNotification", alice.ID, bob.URI, int32(presence.Connected))
	if err != nil {
		return err
	}
	s.latency(d, round, "start to connected", connected.At.Sub(start))
	s.latency(d, round, "registered to connected", connected.At.Sub(registered.At))
	return bob.WaitAnnounced(ctx, bobMark)
}
