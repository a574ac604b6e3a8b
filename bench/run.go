//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"time"

	"rollcall/bench/report"
)

// common are the flags that all measurements have.
type common struct {
	rollcall string
	out      string
	quick    bool
}

// flags returns a set that has these flags.
func (c *common) flags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	flags.StringVar(&c.rollcall, "rollcall", "", "`path` of the rollcall binary; empty leaves it out")
	flags.StringVar(&c.out, "o", "", "write the records as JSON to `file`")
	flags.BoolVar(&c.quick, "quick", false, "little of everything, and short: shows that everything works, proves nothing")
	return flags
}

// run measures until that is done, or somebody interrupts, and reports what came of
// it, which may be a part if there is an error.
func (c *common) run(rounds int, versions map[string]string, measure func(context.Context, *slog.Logger) ([]report.Record, error)) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	records, failed := measure(ctx, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if len(records) == 0 {
		return failed
	}
	mode := "full"
	if c.quick {
		mode = "quick"
	}
	run := &report.Run{Records: records, Meta: report.Meta{
		Time: time.Now().UTC(), Mode: mode, Rounds: rounds,
		Kernel: kernel(), CPU: processor(), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Versions: versions,
	}}
	if c.out != "" {
		if err := report.Write(c.out, run); err != nil {
			return errors.Join(failed, err)
		}
	}
	report.Markdown(os.Stdout, run)
	return failed
}
