//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"rollcall/bench/crowd"
	"rollcall/bench/report"
)

// crowdSettings are the flags of the measurements of a daemon that has very many of
// something.
type crowdSettings struct {
	common
	dir          string
	count, nodes int
	settle, idle time.Duration
}

func (s *crowdSettings) flags(of string) *flag.FlagSet {
	flags := s.common.flags("bench " + of)
	flags.StringVar(&s.dir, "dir", "", "keep the "+of+" in `directory`, and use those that are there; empty: make them anew")
	flags.IntVar(&s.count, "n", 1000, of)
	flags.IntVar(&s.nodes, "network", 64, "nodes of the network")
	flags.DurationVar(&s.settle, "settle", 3*time.Minute, "wait before the measurement, longer than it takes a new node to give others what they lack")
	flags.DurationVar(&s.idle, "idle", 2*time.Minute, "length of the measurement")
	return flags
}

// run calls measure with what the flags say.
func (s *crowdSettings) run(measure func(context.Context, crowd.Config) ([]report.Record, error)) error {
	if s.rollcall == "" {
		return errors.New("nothing to measure: name the rollcall binary")
	}
	if s.quick {
		s.count, s.nodes, s.settle, s.idle = min(s.count, 20), min(s.nodes, 16), time.Second, 5*time.Second
	}
	dir := s.dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "bench"); err != nil {
			return fmt.Errorf("make a directory for the keys: %w", err)
		}
		defer os.RemoveAll(dir)
	}
	return s.common.run(1, versions(s.rollcall, ""), func(ctx context.Context, log *slog.Logger) ([]report.Record, error) {
		return measure(ctx, crowd.Config{
			Rollcall: s.rollcall, Dir: dir, Count: s.count, Nodes: s.nodes, Settle: s.settle, Idle: s.idle, Log: log,
		})
	})
}

// measureAccounts is `bench accounts`.
func measureAccounts(args []string) error {
	s := &crowdSettings{}
	_ = s.flags("accounts").Parse(args)
	return s.run(crowd.Accounts)
}

// measureContacts is `bench contacts`.
func measureContacts(args []string) error {
	s := &crowdSettings{}
	flags := s.flags("contacts")
	lease := flags.Duration("lease", 0, "the contacts' announcements live this long, 0: ten minutes, kept alive in place")
	_ = flags.Parse(args)
	return s.run(func(ctx context.Context, cfg crowd.Config) ([]report.Record, error) {
		cfg.Lease = *lease
		cfg.Dir = filepath.Join(cfg.Dir, fmt.Sprint(cfg.Count)) // those of other numbers have other keys
		return crowd.Contacts(ctx, cfg)
	})
}
