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
	"runtime"
	"time"

	"rollcall/bench/crowd"
	"rollcall/bench/report"
)

// measureAccounts is `bench accounts`.
func measureAccounts(args []string) error {
	c := crowd.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flags := flag.NewFlagSet("bench accounts", flag.ExitOnError)
	flags.StringVar(&c.Rollcall, "rollcall", "", "`path` of the rollcall binary")
	flags.StringVar(&c.Dir, "dir", "", "keep the accounts in `directory`, and use those that are there; empty: make them anew")
	flags.IntVar(&c.Accounts, "n", 1000, "accounts")
	flags.IntVar(&c.Nodes, "network", 64, "nodes of the network")
	flags.DurationVar(&c.Settle, "settle", 45*time.Second, "wait before the measurement, longer than a renewal takes")
	flags.DurationVar(&c.Idle, "idle", 2*time.Minute, "length of the measurement")
	out := flags.String("o", "", "write the records as JSON to `file`")
	_ = flags.Parse(args)
	if c.Rollcall == "" {
		return errors.New("nothing to measure: name the rollcall binary")
	}
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return fmt.Errorf("make a directory for the accounts: %w", err)
		}
		defer os.RemoveAll(dir)
		c.Dir = dir
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	records, err := crowd.Run(ctx, c)
	if err != nil {
		return err
	}
	run := &report.Run{Records: records, Meta: report.Meta{
		Time: time.Now().UTC(), Mode: "accounts", Rounds: 1,
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
