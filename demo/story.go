package demo

import (
	"context"
	"fmt"
	"time"

	"rollcall/daemon"
	"rollcall/presence"
)

// play is the story. Each turn is seen by the one whom it concerns before the
// next begins.
func (s *stage) play(ctx context.Context) error {
	for _, turn := range []func(context.Context) error{s.follow, s.ask, s.accept, s.depart, s.comeBack} {
		if err := turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) follow(ctx context.Context) error {
	if err := s.alice.daemon.Track(s.alice.id, s.bob.uri); err != nil {
		return err
	}
	if err := s.alice.sees(ctx, s.bob, presence.Online); err != nil {
		return err
	}
	s.say("alice", "follows bob, and sees him online")
	return nil
}

func (s *stage) ask(ctx context.Context) error {
	card := fmt.Sprintf("BEGIN:VCARD\nVERSION:2.1\nFN:%s\nEND:VCARD", s.alice.name)
	if err := s.alice.daemon.SendRequest(ctx, s.alice.id, s.bob.uri, []byte(card)); err != nil {
		return err
	}
	s.say("alice", "asks bob to be her contact: signed, and encrypted for his device")
	var title string
	err := await(ctx, s.bob, "a request", func(c daemon.RequestReceived) bool {
		title = c.Request.Title
		return c.Request.From == s.alice.uri
	})
	if err != nil {
		return err
	}
	s.say("bob", "gets the request of %q", title)
	return nil
}

func (s *stage) accept(ctx context.Context) error {
	if _, err := s.bob.daemon.AcceptRequest(ctx, s.bob.id, s.alice.uri); err != nil {
		return err
	}
	s.say("bob", "accepts")
	err := await(ctx, s.alice, "the confirmation", func(c daemon.ContactAdded) bool {
		return c.Peer == s.bob.uri && c.Confirmed
	})
	if err != nil {
		return err
	}
	s.say("alice", "hears that bob accepted: they are contacts of each other")
	return s.bob.sees(ctx, s.alice, presence.Online)
}

func (s *stage) depart(ctx context.Context) error {
	left := time.Now()
	if err := s.bob.leave(); err != nil {
		return err
	}
	s.say("bob", "is gone without a word; announcements live for a lease of %v here (a minute by default)", lease)
	if err := s.alice.sees(ctx, s.bob, presence.Offline); err != nil {
		return err
	}
	s.say("alice", "sees bob offline, %.1f s after he left", time.Since(left).Seconds())
	return nil
}

func (s *stage) comeBack(ctx context.Context) error {
	if err := s.bob.arrive(ctx); err != nil {
		return err
	}
	if err := s.alice.sees(ctx, s.bob, presence.Online); err != nil {
		return err
	}
	contacts, err := s.bob.daemon.Contacts(s.bob.id)
	if err != nil {
		return err
	}
	s.say("bob", "is back, with his %d contact; alice sees him online", len(contacts))
	return nil
}
