//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollcall/bench/daemons"
	"rollcall/bench/report"
	"rollcall/presence"
	"rollcall/test/peers"
)

// jamidRecord is how long the C++ daemon's announcements live.
const jamidRecord = 10 * time.Minute

// daemonSettings are the flags of `bench daemon`.
type daemonSettings struct {
	common
	config   daemons.Config
	jamid    bool
	contacts string
}

func parseDaemon(args []string) (*daemonSettings, error) {
	s := &daemonSettings{}
	c := &s.config
	flags := s.flags("bench daemon")
	flags.BoolVar(&s.jamid, "jamid", true, "measure the C++ daemon")
	flags.StringVar(&s.contacts, "contacts", "0,100,1000", "rising `numbers` of contacts to restart and idle with")
	flags.IntVar(&c.Rounds, "rounds", 5, "rounds, each with fresh daemons")
	flags.IntVar(&c.Accounts, "accounts", 8, "new accounts in each round, besides those of the other measurements")
	flags.DurationVar(&c.Settle, "settle", 20*time.Second, "wait before the idle measurement")
	flags.DurationVar(&c.Idle, "idle", 30*time.Second, "length of the idle measurement")
	flags.DurationVar(&c.Patience, "patience", 90*time.Second,
		"longest wait for a dead peer to be seen offline; the C++ daemon's takes ten minutes, and is waited for with 11m or more")
	flags.Func("parts", "only these `parts`, separated by commas: accounts, alone, two, connect, throughput", func(list string) error {
		c.Parts = strings.Split(list, ",")
		return nil
	})
	_ = flags.Parse(args)
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if s.quick {
		c.Rounds, c.Accounts, c.Settle, c.Idle, s.contacts = 1, 1, 2*time.Second, 3*time.Second, "0,20"
	}
	last := 0
	for _, word := range strings.Split(s.contacts, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < last {
			return nil, fmt.Errorf("contacts %q: want rising numbers, such as 0,100,1000", s.contacts)
		}
		last = n
		c.Contacts = append(c.Contacts, n)
	}
	if s.jamid {
		c.Daemons = append(c.Daemons, daemons.Daemon{Kind: peers.Jamid, Record: jamidRecord})
	}
	if s.rollcall != "" {
		// Daemons run in their home directories.
		program, err := filepath.Abs(s.rollcall)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", s.rollcall, err)
		}
		kind := peers.DaemonProgram("rollcall", program, "daemon", "--persistent", "--log-level", "error")
		c.Daemons = append(c.Daemons, daemons.Daemon{Kind: kind, Record: presence.DefaultLease})
	}
	if len(c.Daemons) == 0 {
		return nil, errors.New("nothing to measure: name the rollcall binary")
	}
	return s, nil
}

// measureDaemons is `bench daemon`. Unlike the node, no program is bound to a
// core: the daemons work in several threads.
func measureDaemons(args []string) error {
	s, err := parseDaemon(args)
	if err != nil {
		return err
	}
	return s.run(s.config.Rounds, daemonVersions(s), func(ctx context.Context, log *slog.Logger) ([]report.Record, error) {
		s.config.Log = log
		measured := &daemons.Suite{Config: s.config}
		err := measured.Run(ctx)
		return measured.Records, errors.Join(err, errors.Join(measured.Failed...))
	})
}

func daemonVersions(s *daemonSettings) map[string]string {
	v := versions(s.rollcall, "dhtnode")
	if s.jamid {
		if version := packageVersion("jami-daemon"); version != "" {
			v["jamid"] = version
		}
	}
	return v
}
