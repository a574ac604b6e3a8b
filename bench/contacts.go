//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"rollcall/bench/crowd"
	"rollcall/bench/report"
)

// measureContacts is `bench contacts`.
func measureContacts(args []string) error {
	c := crowd.ContactsConfig{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flags := flag.NewFlagSet("bench contacts", flag.ExitOnError)
	flags.StringVar(&c.Rollcall, "rollcall", "", "`path` of the rollcall binary")
	quick := flags.Bool("quick", false, "few contacts, a short measurement: shows that everything works, proves nothing")
	flags.StringVar(&c.Dir, "dir", "", "keep the contacts' keys in `directory`, and use those that are there; empty: make them anew")
	flags.IntVar(&c.Contacts, "n", 1000, "contacts")
	flags.IntVar(&c.Nodes, "network", 64, "nodes of the network")
	flags.DurationVar(&c.Lease, "lease", 0, "the contacts' announcements live this long, 0: ten minutes, kept alive in place")
	flags.DurationVar(&c.Settle, "settle", 45*time.Second, "wait before the measurement")
	flags.DurationVar(&c.Idle, "idle", 2*time.Minute, "length of the measurement")
	out := flags.String("o", "", "write the records as JSON to `file`")
	_ = flags.Parse(args)
	mode := "full"
	if *quick {
		mode = "quick"
		c.Contacts, c.Nodes, c.Settle, c.Idle = min(c.Contacts, 20), min(c.Nodes, 16), time.Second, 5*time.Second
	}
	if c.Rollcall == "" {
		return errors.New("nothing to measure: name the rollcall binary")
	}
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return fmt.Errorf("make a directory for the contacts: %w", err)
		}
		defer os.RemoveAll(dir)
		c.Dir = dir
	}
	// Those of other numbers have other keys.
	c.Dir = filepath.Join(c.Dir, fmt.Sprint(c.Contacts))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	records, err := crowd.Contacts(ctx, c)
	if err != nil {
		return err
	}
	run := &report.Run{Records: records, Meta: report.Meta{
		Time: time.Now().UTC(), Mode: mode, Rounds: 1,
		Kernel: kernel(), CPU: processor(), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Versions: versions(&settings{rollcall: c.Rollcall}),
	}}
	if *out != "" {
		if err := report.Write(*out, run); err != nil {
			return err
		}
	}
	report.Markdown(os.Stdout, run)
	return nil
}
